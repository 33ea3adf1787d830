"""The line at one type of boards, in memory: the policy of `app.turns` without a database."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from app.turns import RANKS, due, is_full, waits_since


@dataclass(slots=True, eq=False)
class Job:
    """One job of the fleet; times in seconds from the beginning."""

    id: int
    kind: int  # of board
    priority: str
    share: str
    queued: float
    runs_s: float
    owner: str | None = None  # of the fork: its jobs are capped
    tries: int = 0
    lost_on: tuple[int, ...] = ()  # builders
    started: float = -1.0  # for the first time
    board: int = -1  # that it holds


@dataclass(slots=True, eq=False)
class Line:
    """Jobs of one class and share, the oldest in front."""

    rank: int
    owner: str | None
    jobs: deque[Job] = field(default_factory=deque)
    turn: float = float("-inf")  # when it last got a board
    version: int = 0  # of its entry in the heap; older ones are stale


@dataclass(slots=True)
class Queue:
    """All lines at one type of boards. Adding and taking cost the logarithm of the number of lines."""

    held: dict[str, int]  # boards by fork owner, of all types
    cap: int
    takes_turns: bool = True  # False: simply the oldest of its class first, to compare with
    lines: dict[Hashable, Line] = field(default_factory=dict)
    heap: list[tuple[float, float, int, int, Line]] = field(default_factory=list)
    parked: dict[str, list[Line]] = field(default_factory=dict)  # by the owner who is at the cap
    length: int = 0

    def add(self, job: Job) -> None:
        """Queue a job; one that was lost goes in front of its line."""
        line = self.lines.get((job.priority, job.share))
        if line is None:
            line = self.lines[job.priority, job.share] = Line(RANKS[job.priority], job.owner)
        self.length += 1
        if job.tries:
            line.jobs.appendleft(job)
        else:
            line.jobs.append(job)
        if line.jobs[0] is job:
            self._enter(line)

    def take(self, now: float) -> Job | None:
        """Take the next job out, if any may start."""
        while self.heap:
            *_, version, line = heappop(self.heap)
            if version != line.version:
                continue
            if line.owner is not None and is_full(self.held.get(line.owner, 0), self.cap):
                self.parked.setdefault(line.owner, []).append(line)
                continue
            job = line.jobs.popleft()
            self.length -= 1
            line.turn = now
            self._enter(line)
            return job
        return None

    def unpark(self, owner: str) -> bool:
        """Let an owner's lines wait again: one of the boards that they held is free."""
        freed = self.parked.pop(owner, [])
        for line in freed:
            self._enter(line)
        return bool(freed)

    def _enter(self, line: Line) -> None:
        line.version += 1
        if line.jobs:
            head = line.jobs[0]
            turn = head.queued if head.tries or not self.takes_turns else line.turn
            place = due(waits_since(head.queued, turn), line.rank)
            heappush(self.heap, (place, head.queued, head.id, line.version, line))
