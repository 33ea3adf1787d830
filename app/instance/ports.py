"""The ports of an instance: found free once, kept in `etc/ports` over restarts and upgrades, and open to editing."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import environment
from app.instance.place import SYSTEM, InstanceError, Place, default, written

FIRST = {"plain": {"PORT": 8000}, "tls": {"PORT": 8443, "RIGLINE_REDIRECT_PORT": 8080}}
TRIED = 500  # ports above the first one
WHAT = {"PORT": "pages, webhooks, API and builders", "RIGLINE_REDIRECT_PORT": "plain HTTP, leads to the other"}
HEAD = """\
# The ports of this instance, found free when it was installed. `rigline ports force` finds others;
# you may also write your own here. Restart the service afterwards.
"""


@dataclass(frozen=True, kw_only=True)
class Port:
    """One port of an instance."""

    name: str
    number: int
    what: str
    state: str  # "free", "ours" while the service runs, "taken" by somebody else


def read(place: Place) -> dict[str, int]:
    """Read the ports of an instance.

    Raises:
        InstanceError: the file is missing or holds something else.
    """
    try:
        found = {name: int(value) for name, value in environment.read(place.ports).items()}
    except ValueError as problem:
        raise InstanceError(f"{place.ports}: {problem}. `rigline ports force` writes it anew.") from None
    wrong = [f"{name}={number}" for name, number in found.items() if name not in WHAT or not 0 < number < 65536]
    if wrong or "PORT" not in found:
        raise InstanceError(f"{place.ports} should hold PORT=… from 1 to 65535, not {', '.join(wrong) or 'nothing'}.")
    return found


def find(place: Place, *, tls: bool, wanted: int | None = None) -> dict[str, int]:
    """Find free ports that no instance beside this one has.

    Args:
        wanted: the port for PORT, free or not: whoever names it knows better.
    Raises:
        InstanceError: there is none.
    """
    taken = set(_of_others(place))
    found: dict[str, int] = {}
    for name, first in FIRST["tls" if tls else "plain"].items():
        if name == "PORT" and wanted:
            found[name] = wanted
        else:
            found[name] = _free(first, taken | set(found.values()))
    return found


def write(place: Place, ports: dict[str, int]) -> None:
    """Keep the ports."""
    lines = [f"# {WHAT[name]}\n{name}={number}\n" for name, number in ports.items()]
    written(place.ports, HEAD + "".join(lines), mode=0o644)


def force(place: Place, *, wanted: int | None = None) -> Iterator[str]:
    """Find ports anew and keep them, also in the public address where that names the old one; say what changed."""
    before = read(place)
    tls = "RIGLINE_REDIRECT_PORT" in before
    now = find(place, tls=tls, wanted=wanted)
    write(place, now)
    for name, number in now.items():
        yield f"{name}={number}" + (f" (was {before[name]})" if before.get(name) != number else "")
    old, new = f":{before['PORT']}", f":{now['PORT']}"
    text = place.settings.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        if line.startswith("RIGLINE_PUBLIC_URL=") and line.rstrip().endswith(old) and old != new:
            lines[at] = line.rstrip().removesuffix(old) + new + "\n"
            owner = place.settings.stat()
            written(place.settings, "".join(lines), mode=0o600, owner=(owner.st_uid, owner.st_gid))
            yield f"{lines[at].strip()} (in {place.settings.name})"


def shown(place: Place, *, running: bool) -> list[Port]:
    """Say how each port is."""
    return [
        Port(name=name, number=number, what=WHAT[name], state=_state(number, running=running))
        for name, number in read(place).items()
    ]


def is_free(number: int) -> bool:
    """Say whether a port can be taken on every address of this machine."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind(("", number))
        except OSError:
            return False
    return True


def _state(number: int, *, running: bool) -> str:
    if is_free(number):
        return "free"
    return "ours" if running else "taken"


def _free(first: int, taken: set[int]) -> int:
    for number in range(first, min(first + TRIED, 65536)):
        if number not in taken and is_free(number):
            return number
    raise InstanceError(f"There is no free port from {first} on. Choose one by --port.")


def _of_others(place: Place) -> Iterator[int]:
    """Give the ports of the instances that are where instances usually are: they may just not be running."""
    folders = {*_beside(place.prefix.parent), default(), SYSTEM, *_beside(SYSTEM.parent)} - {place.prefix}
    for folder in folders:
        try:
            yield from read(Place(folder)).values()
        except InstanceError:
            continue


def _beside(folder: Path) -> Iterator[Path]:
    try:
        found = list(folder.iterdir())
    except OSError:
        return
    for each in found:
        with contextlib.suppress(OSError):
            if (each / "etc" / "ports").exists():
                yield each
