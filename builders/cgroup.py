"""Control groups: one per command, with limits that the kernel holds, where there are some for us to divide.

In a unit with `Delegate=yes` the agent's own group (version 2) may be divided: the agent moves into a leaf of
its own, and every command gets one beside it. Root may always make groups; where only version 1 is there it
limits processes alone, which no other limit does for root.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
MINE = Path("/proc/self/cgroup")
NEEDED = ("memory", "pids")
WANTED = (*NEEDED, "cpu")
AGENT, NAME = "agent", "riglinejob"
EMPTY_S = 2.0  # how long the kernel may take to let go of an ended group
PERIOD_US = 100_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one command may use; None: as much as there is."""

    processes: int
    memory: int | None = None  # bytes
    cpus: float | None = None


@dataclass(frozen=True, kw_only=True)
class Groups:
    """A group that is ours to divide."""

    root: Path
    controllers: tuple[str, ...]
    is_old: bool = False  # version 1

    @property
    def is_complete(self) -> bool:
        """Tell whether memory is limited too."""
        return set(NEEDED) <= set(self.controllers)

    def prepare(self) -> None:
        """Move this process, and what it started, into a leaf, so that the group can be divided; repeatable.

        Raises:
            OSError: the group is not ours after all.
        """
        for stale in self.root.glob(f"{NAME}-*"):
            if not Path("/proc", stale.name.split("-")[1]).exists():  # a living agent's may be empty for a moment
                with contextlib.suppress(OSError):
                    stale.rmdir()
        if self.is_old:
            return
        leaf = self.root / AGENT
        leaf.mkdir(exist_ok=True)
        for pid in (self.root / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                _write(leaf / "cgroup.procs", pid)
        _write(self.root / "cgroup.subtree_control", " ".join(f"+{each}" for each in self.controllers))

    def make(self, number: int, limits: Limits) -> Path:
        """Make the group of one command.

        Raises:
            OSError: the kernel refuses.
        """
        group = self.root / f"{NAME}-{os.getpid()}-{number}"
        group.mkdir(exist_ok=True)
        _write(group / "pids.max", str(limits.processes))
        if limits.memory is not None and "memory" in self.controllers:
            _write(group / "memory.max", str(limits.memory))
            for name_, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
                with contextlib.suppress(FileNotFoundError):
                    _write(group / name_, value)
        if limits.cpus is not None and "cpu" in self.controllers:
            _write(group / "cpu.max", f"{int(limits.cpus * PERIOD_US)} {PERIOD_US}")
        return group


def remove(group: Path) -> None:
    """Kill whatever is left in a group, and remove it; what the kernel holds on to is left for the next start."""
    with contextlib.suppress(OSError):
        _write(group / "cgroup.kill", "1")
    until = time.monotonic() + EMPTY_S
    while time.monotonic() < until:
        try:
            group.rmdir()
        except OSError as problem:
            if problem.errno != errno.EBUSY:
                return
            time.sleep(0.005)
        else:
            return


def delegated(mounts: Path = MOUNTS, mine: Path = MINE) -> Groups | None:
    """Find our own group, if we may divide it and it can limit processes."""
    return _new(mounts, mine) or (_old(mounts, mine) if os.geteuid() == 0 else None)


def _new(mounts: Path, mine: Path) -> Groups | None:
    mount, own = _mount(mounts, "cgroup2", ""), _own(mine, "")
    if mount is None or own is None:
        return None
    root = mount / own.lstrip("/")
    if root.name == AGENT:  # an agent before us moved its unit's processes, us too
        root = root.parent
    try:
        controllers = (root / "cgroup.controllers").read_text().split()
    except OSError:
        return None
    writable = all(os.access(root / name, os.W_OK) for name in ("", "cgroup.procs", "cgroup.subtree_control"))
    if root == mount or not writable or not set(NEEDED) <= set(controllers):
        return None
    return Groups(root=root, controllers=tuple(each for each in WANTED if each in controllers))


def _old(mounts: Path, mine: Path) -> Groups | None:
    mount, own = _mount(mounts, "cgroup", "pids"), _own(mine, "pids")
    if mount is None or own is None or not os.access(mount / own.lstrip("/"), os.W_OK):
        return None
    return Groups(root=mount / own.lstrip("/"), controllers=("pids",), is_old=True)


def _mount(mounts: Path, kind: str, controller: str) -> Path | None:
    """Find where groups of a kind are mounted: proc(5), mountinfo."""
    with contextlib.suppress(OSError):
        for line in mounts.read_text().splitlines():
            before, _, after = line.partition(" - ")
            found, _, options = after.split()[:3]
            if found == kind and (not controller or controller in options.split(",")):
                return Path(before.split()[4])
    return None


def _own(mine: Path, controller: str) -> str | None:
    """Find the group of this process: cgroups(7), /proc/PID/cgroup."""
    with contextlib.suppress(OSError):
        for line in mine.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return path
    return None


def _write(path: Path, text: str) -> None:
    """Write to a file of the kernel's; it is never made."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
