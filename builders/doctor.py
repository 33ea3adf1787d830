"""Checks that a builder could run a job. Each says what was found and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builders import isolation, process
from builders.config import Config, ConfigError, Use, load
from builders.process import Bounds, Command
from builders.protocol import DISK_FLOOR
from builders.state import default_root
from builders.stop import Stop

MIN_GIT = (2, 31)  # the first that takes configuration from the environment


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one check."""

    ok: bool
    what: str
    remedy: str = ""


def examine(path: Path, server: str | None) -> list[Finding]:
    """Run all checks."""
    found = [_python(), _git(), _processes()]
    try:
        config = load(path)
    except ConfigError as problem:
        return [*found, Finding(ok=False, what=str(problem), remedy="rigline-builder --config FILE parse")]
    found += [
        Finding(ok=True, what=f"configuration {path}"),
        *_scripts(config),
        *_boards(config),
        *_isolation(config),
        _disk(config),
        _user(),
    ]
    return [*found, _reaches(server)] if server else found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(ok=sys.version_info >= (3, 11), what=f"Python {version}", remedy="install Python 3.11 or newer")


def _git() -> Finding:
    remedy = f"install git {'.'.join(map(str, MIN_GIT))} or newer"
    try:
        text = _answer("git", "--version")
        version = tuple(int(part) for part in text.split()[2].split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Finding(ok=False, what="git is not usable", remedy=remedy)
    return Finding(ok=version >= MIN_GIT, what=text.strip(), remedy=remedy)


def _answer(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603  # ours
    return done.stdout


def _processes() -> Finding:
    """Really leave an escaped process behind, and see that it is gone."""
    heard: list[bytes] = []
    escape = Command(argv=("sh", "-c", "setsid sleep 60 & echo started"), cwd=Path("/"), env={"PATH": _path()})
    bounds = Bounds(limit=10, no_output=10, grace=1)
    try:
        ended = asyncio.run(process.run(escape, bounds, output=heard.append, stop=Stop()))
    except OSError as problem:
        return Finding(ok=False, what=f"a command cannot be run: {problem}", remedy="check sh, setsid and /proc")
    good = ended.code == 0 and b"started" in b"".join(heard)
    return Finding(
        ok=good, what="a command runs, and what it leaves behind is killed", remedy="check sh, setsid and /proc"
    )


def _scripts(config: Config) -> Iterator[Finding]:
    """Look for every script whose place is known before a checkout."""
    for board in config.boards:
        for each in board.configurations:
            for word in (each.build[0], each.run[0]):
                if "{" not in word:
                    yield _script(config, f"{board.name} - {each.name}", word, ej=each.ej)


def _boards(config: Config) -> Iterator[Finding]:
    """Look for the devices of every board, and for the lab's commands for it. A board that is off may hide some."""
    for board in config.boards:
        for device in board.nodes:
            usable = os.access(device, os.R_OK | os.W_OK)
            remedy = "plug it in" if not device.exists() else "let this user use it: often the group dialout or plugdev"
            late = board.power is not None and not device.exists()
            told = f"device {device} of {board.name}" + (", not there while the board is off" if late else "")
            yield Finding(ok=usable or late, what=told, remedy=remedy)
        power, check = board.power, board.health
        commands = [power.on, power.off, power.cycle] if power else []
        for words in [*commands, check.check if check else None]:
            if words and "{" not in words[0]:
                yield _script(config, f"board {board.name}", words[0], ej=False)


def _script(config: Config, where: str, word: str, *, ej: bool) -> Finding:
    place = str(config.folder / word) if "/" in word and not ej else word
    found = shutil.which(place, path=_path())
    remedy = "chmod +x it" if Path(place).is_file() else "correct the path, or install it"
    return Finding(ok=found is not None, what=f"script {word} of {where}", remedy=remedy)


def _isolation(config: Config) -> Iterator[Finding]:
    """Try a sandbox, and look for limits that the kernel holds."""
    found = isolation.for_jobs(config)
    if config.sandbox.use is Use.NEVER:
        yield Finding(ok=True, what=f"warning: no job is kept apart from this machine: {found.problem}")
        return
    told = f"sandbox by {found.version}; isolation {found.level}" if found.bwrap else f"no sandbox: {found.problem}"
    yield Finding(ok=found.bwrap is not None, what=f"{told}; jobs of forks need one", remedy=found.remedy)
    if found.bwrap is not None:
        calls = f"warning: no system call is refused in it: {found.unfiltered}" if found.unfiltered else "filtered"
        yield Finding(ok=True, what=f"system calls in the sandbox: {calls}")
    wanted = [name for name in ("memory", "cpus") if getattr(config.sandbox, name) is not None]
    if found.groups is not None and found.groups.is_complete:
        yield Finding(ok=True, what=f"control groups: {', '.join(found.groups.controllers)}")
    else:
        what = f"no control groups: {' and '.join(wanted) or 'memory'} of a job cannot be limited here"
        yield Finding(
            ok=not wanted,
            what=what if wanted else f"warning: {what}; a systemd unit with Delegate=yes has them",
            remedy="run the agent as a systemd unit with Delegate=yes: rigline-builder unit",
        )


def _disk(config: Config) -> Finding:
    place = config.work_dir or config.state_dir or default_root(os.environ.get("RIGLINE_BUILDER_ID", ""))
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    writable = os.access(place, os.W_OK)
    return Finding(
        ok=free >= DISK_FLOOR and writable,
        what=f"{free / (1 << 30):.1f} GiB free at {place}" + ("" if writable else ", not writable"),
        remedy=f"make room for {DISK_FLOOR >> 30} GiB, or choose another work_dir in [builder]",
    )


def _user() -> Finding:
    """Not a failure: some labs have no choice. But said."""
    if os.geteuid() == 0:
        return Finding(ok=True, what="warning: as root every script can read and change all of this machine")
    return Finding(ok=True, what="runs as an ordinary user")


def _reaches(server: str) -> Finding:
    import httpx2

    try:
        status = httpx2.get(f"{server.rstrip('/')}/healthz", timeout=10).status_code
    except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
        return Finding(ok=False, what=f"{server}: {problem}", remedy="check the address, the network and the proxy")
    return Finding(ok=status == 200, what=f"{server} answers {status}", remedy="look at the service's own log")


def _path() -> str:
    return os.environ.get("PATH", os.defpath)
