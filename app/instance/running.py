"""Start and stop an instance, and see how it is: by its systemd unit where one runs, else by the keeper."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import environment
from app.instance import account, ports, systemd
from app.instance.keeper import LOCK, LOG, STATE, STOP_S
from app.instance.place import InstanceError, Manifest, Place, scratch
from app.instance.rotating import tail

START_S = 180.0  # until everything is ready; a large migration may need more: --timeout
POLL_S = 0.05

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class State:
    """How far the service of an instance is, as its keeper or systemd says."""

    name: str  # stopped, starting, running, stopping, failed
    by: str  # "keeper" or "systemd"
    pid: int | None = None
    since: float | None = None  # seconds of the clock
    restarts: int = 0
    steps: tuple[str, ...] = ()

    @property
    def is_up(self) -> bool:
        """Say whether something runs, ready or not."""
        return self.name not in ("stopped", "failed")


def state(place: Place) -> State:
    """Say how far the service is."""
    manifest = place.installed()
    if (unit := systemd.of(manifest)) is not None:
        name, pid, text = unit.state()
        return State(name=name, by="systemd", pid=pid, steps=(text,) if text else ())
    keeper = holder(place)
    said = _said(place)
    if keeper is None:
        name = "failed" if said.get("state") == "failed" else "stopped"
        return State(name=name, by="keeper", steps=tuple(said.get("steps", ())))
    mine = said if said.get("keeper") == keeper else {}
    return State(
        name=mine.get("state", "starting"),
        by="keeper",
        pid=keeper,
        since=mine.get("since"),
        restarts=mine.get("restarts", 0),
        steps=tuple(mine.get("steps", ())),
    )


def start(place: Place, tell: Tell, *, limit: float = START_S) -> bool:
    """Start the service and wait until it is ready; False if it was already.

    Raises:
        InstanceError: it did not start; holds its last words. Nothing of it runs.
    """
    manifest = place.installed()
    before = state(place)
    if before.name == "running":
        return False
    if (unit := systemd.of(manifest)) is not None:
        unit.run("start")
    elif not before.is_up:
        environment.of_instance(place.prefix)  # a file that cannot be read is better said here than in a log
        _check_ports(place)
        _launch(place, manifest)
    _follow(place, tell, limit)
    return True


def stop(place: Place, tell: Tell) -> bool:
    """End the service in order and wait for its end; False if it did not run.

    Raises:
        InstanceError: it cannot be told to, or did not end.
    """
    manifest = place.installed()
    if not state(place).is_up:
        return False
    tell("end web, worker, Valkey and PostgreSQL, in this order")
    if (unit := systemd.of(manifest)) is not None:
        unit.run("stop")
        return True
    deadline = time.monotonic() + STOP_S + 30
    while (keeper := holder(place)) is not None:
        _signal(keeper, signal.SIGTERM)
        if _gone(place, keeper, until=min(deadline, time.monotonic() + STOP_S + 15)):
            break
        if time.monotonic() > deadline:
            raise InstanceError(f"The service does not end. Its keeper is process {keeper}.")
    return True


def holder(place: Place) -> int | None:
    """Name the process that keeps the instance going. The lock says it, no number in a file by itself."""
    try:
        with os.fdopen(scratch(place.temporary(LOCK), os.O_RDWR), "r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _number(lock.read())
    except FileNotFoundError:
        return None
    except PermissionError:
        raise InstanceError(f"{place.prefix} belongs to somebody else. Ask as that user, or with sudo.") from None
    return None


def environment_of(place: Place, manifest: Manifest) -> dict[str, str]:
    """Give the environment of the processes of an instance."""
    home = {"HOME": str(place.prefix)} if manifest.account else {}
    return environment.for_instance(place.prefix) | home


def _launch(place: Place, manifest: Manifest) -> None:
    """Begin a keeper that outlives us."""
    place.temporary(STATE).unlink(missing_ok=True)
    words = place.temporary("keeper.log")
    words.unlink(missing_ok=True)
    with os.fdopen(scratch(words, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as sink:
        python = place.venv.resolve() / "bin" / "python"  # as `venv` may lead elsewhere while it runs
        subprocess.Popen(  # noqa: S603  # our own argument list
            [python, "-P", "-m", "app.instance.keeper", str(place.prefix)],
            cwd=place.prefix,
            env=environment_of(place, manifest),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            **account.become(manifest.account),
        )


def _follow(place: Place, tell: Tell, limit: float) -> None:
    """Tell each step once, until the service is ready."""
    deadline, told = time.monotonic() + limit, 0
    begun = time.monotonic()
    while True:
        now = state(place)
        for step in now.steps[told:]:
            if step != "running":
                tell(step)
        told = max(told, len(now.steps))
        if now.name == "running":
            return
        if not now.is_up and (now.name == "failed" or time.monotonic() - begun > 5):
            raise InstanceError(f"The service did not start. Its last words:\n{_why(place)}")
        if time.monotonic() > deadline:
            stop(place, lambda _: None)
            raise InstanceError(f"The service was not ready within {limit:g} s. Its last words:\n{_why(place)}")
        time.sleep(POLL_S)


def _why(place: Place) -> str:
    unit = systemd.of(place.installed())
    if unit is not None:
        return f"journalctl -u {unit.name} has them."
    said = _said(place).get("words") or tail(place.temporary("keeper.log")) or tail(place.logs / LOG)
    return "\n".join(str(said).strip().splitlines()[-12:])


def _check_ports(place: Place) -> None:
    for port in ports.shown(place, running=False):
        if port.state == "taken":
            raise InstanceError(
                f"Port {port.number} ({port.name}) is taken by another program. "
                f"`rigline ports force --prefix {place.prefix}` finds others; or write one into {place.ports}."
            )


def _gone(place: Place, keeper: int, *, until: float) -> bool:
    while time.monotonic() < until:
        if holder(place) != keeper:
            return True
        time.sleep(POLL_S)
    return False


def _said(place: Place) -> dict[str, Any]:
    try:
        found = json.loads(place.temporary(STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise InstanceError("The service belongs to somebody else. Ask as that user, or with sudo.") from None


def program_words(place: Place, *words: str) -> list[str | Path]:
    """Write the call of a command of the installed version."""
    return [place.python, "-P", "-m", "app.cli", *words]
