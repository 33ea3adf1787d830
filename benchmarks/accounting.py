"""What processes cost, as the kernel accounts for it: Linux's /proc alone, nothing sampled."""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What some processes used from `begin` to `end`."""

    seconds: float  # on the clock
    cpu: Mapping[str, float]  # CPU seconds by name

    def of(self, *names: str) -> float:
        """Add up CPU seconds; a process that was not running used none."""
        return sum(self.cpu.get(name, 0.0) for name in names)

    @property
    def server(self) -> float:
        """CPU seconds of everything that the service runs, the builder's agent apart."""
        return sum(value for name, value in self.cpu.items() if name != "agent")

    def beyond(self, idle: "Usage") -> "Usage":
        """Take off what the same processes use while nothing happens."""
        share = self.seconds / idle.seconds
        cpu = {name: value - idle.of(name) * share for name, value in self.cpu.items()}
        return Usage(seconds=self.seconds, cpu=cpu)


class Stopwatch:
    """Counts the CPU time of named process trees from now on."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._at, self._cpu = time.monotonic(), self._read()

    def read(self) -> Usage:
        """Say what was used since the start."""
        cpu = {name: value - self._cpu[name] for name, value in self._read().items()}
        return Usage(seconds=time.monotonic() - self._at, cpu=cpu)

    def _read(self) -> dict[str, float]:
        return {name: sum(_cpu(pid) for pid in tree(pid)) for name, pid in self._roots.items()}


def tree(root: int) -> list[int]:
    """List a process and its living descendants."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def memory(root: int) -> float:
    """Give a process tree's proportional set size in MiB; its resident size where the kernel tells no more."""
    return sum(memory_of(pid) for pid in tree(root))


def memory_of(pid: int) -> float:
    """Give one process's proportional set size in MiB; its resident size where the kernel tells no more."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / MIB
    return resident_of(pid)


def resident_of(pid: int) -> float:
    """Give one process's resident set size in MiB; 0 if it is gone."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB
    return 0.0


def percentile(values: Iterable[float], percent: float) -> float:
    """Give the smallest value that at least `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]


def _parents() -> Iterable[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            yield int(entry.name), int(fields[1])


def _stat(pid: int) -> list[str]:
    """Read the fields after the name, which may hold anything; none if the process is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _cpu(pid: int) -> float:
    """Add up user and system time, also that of children which ended and were waited for."""
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / TICK
