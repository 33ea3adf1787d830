"""A fleet in memory: boards, jobs that come and end, builders that get lost; the clock jumps from event to event."""

import random
import time
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from benchmarks.fleet_line import Job, Queue

BOARDS_OF_A_BUILDER = 8
RETRIES = 2
CLASSES = {"release": 0.02, "branch": 0.33, "pull_request": 0.55, "nightly": 0.10}


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What is simulated."""

    boards: int = 10_000
    kinds: int = 50
    jobs: int = 1_000_000
    load: float = 0.9  # of the boards' time, by the jobs that come evenly
    mean_s: float = 300.0  # a job runs so long
    lost: float = 0.01  # jobs whose builder is lost in the middle
    cap: int = 400  # boards of one fork owner
    flood: float = 0.02  # jobs of one fork owner, all at once
    seed: int = 1
    takes_turns: bool = True


@dataclass
class Outcome:
    """What came of it."""

    waits: "dict[str, array[float]]" = field(default_factory=lambda: defaultdict(lambda: array("d")))
    slowdowns: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0]))  # by share
    choices: list[tuple[int, float]] = field(default_factory=list)  # length of the queue, seconds of one choice
    violations: list[str] = field(default_factory=list)
    busy_s: float = 0.0
    ended_s: float = 0.0
    ended: int = 0
    given_up: int = 0  # lost in every try
    longest: int = 0  # queue


def arrivals(fleet: Fleet) -> Iterator[Job]:
    """Let jobs come: of two hundred repositories and as many forks, some far busier than others, and one flood."""
    chance = random.Random(fleet.seed)
    gap = fleet.mean_s / (fleet.boards * fleet.load)
    flooded = int(fleet.jobs * fleet.flood)
    number, now = 0, 0.0
    while number < fleet.jobs:
        now += chance.expovariate(1 / gap)
        if flooded and number >= fleet.jobs // 5:
            for _ in range(flooded):
                yield _flood(fleet, chance, number, now)
                number += 1
            flooded = 0
            continue
        yield _job(fleet, chance, number, now)
        number += 1


def _flood(fleet: Fleet, chance: random.Random, number: int, now: float) -> Job:
    return Job(number, 0, "pull_request", "fork:flood", now, _runs_s(fleet, chance), owner="fork:flood")


def _job(fleet: Fleet, chance: random.Random, number: int, now: float) -> Job:
    [priority] = chance.choices(list(CLASSES), list(CLASSES.values()))
    who = int(200 * chance.random() ** 2)  # the busiest one sends 7 % of all
    is_fork = priority == "pull_request" and chance.random() < 0.5
    share = f"fork:{who}" if is_fork else f"repository:{who}"
    kind = chance.randrange(fleet.kinds)
    return Job(number, kind, priority, share, now, _runs_s(fleet, chance), owner=share if is_fork else None)


def _runs_s(fleet: Fleet, chance: random.Random) -> float:
    return min(chance.lognormvariate(0, 0.8) * fleet.mean_s / 1.377, 7200.0)  # 1.377: that one's mean


class Run:
    """One simulation. Everything that must never be is written down as a violation."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.out = fleet, Outcome()
        self.chance = random.Random(fleet.seed + 1)
        self.held: dict[str, int] = {}
        self.queues = [Queue(self.held, fleet.cap, fleet.takes_turns) for _ in range(fleet.kinds)]
        self.free: list[list[int]] = [[] for _ in range(fleet.kinds)]
        for board in range(fleet.boards):
            self.free[board % fleet.kinds].append(board)
        self.on_board: dict[int, Job] = {}
        self.events: list[tuple[float, int, Job, bool]] = []  # ends: when, whose, and whether its builder was lost
        self.last_started: dict[tuple[int, str, str], float] = {}

    def run(self) -> Outcome:
        """Go from event to event until every job has ended."""
        coming = arrivals(self.fleet)
        job = next(coming, None)
        while job is not None or self.events:
            if job is not None and (not self.events or job.queued <= self.events[0][0]):
                now = job.queued
                self.queues[job.kind].add(job)
                self._assign(now, job.kind)
                job = next(coming, None)
            else:
                now, _, ended, is_lost = heappop(self.events)
                self._end(now, ended, is_lost=is_lost)
            self.out.ended_s = now
        self._note(self.out.ended == self.fleet.jobs, f"{self.fleet.jobs - self.out.ended} jobs never ended")
        return self.out

    def _assign(self, now: float, kind: int) -> None:
        queue, free = self.queues[kind], self.free[kind]
        while free:
            before, began = queue.length, time.perf_counter()
            job = queue.take(now)
            if before and before % 64 == 0:
                self.out.choices.append((before, time.perf_counter() - began))
            if job is None:
                return
            self._start(now, job, self._board_for(job, free))

    def _board_for(self, job: Job, free: list[int]) -> int:
        """Take a free board, elsewhere than where the job was lost if there is one."""
        for place in range(len(free) - 1, -1, -1):
            if free[place] // BOARDS_OF_A_BUILDER not in job.lost_on:
                return free.pop(place)
        return free.pop()

    def _start(self, now: float, job: Job, board: int) -> None:
        self._note(board not in self.on_board, f"board {board} twice")
        self._note(job.board < 0, f"job {job.id} twice")
        if job.tries == 0:
            line = (job.kind, job.priority, job.share)
            self._note(self.last_started.get(line, 0.0) <= job.queued, f"job {job.id} was overtaken in its line")
            self.last_started[line], job.started = job.queued, now
            self.out.waits[job.priority].append(now - job.queued)
        self.on_board[board], job.board, job.tries = job, board, job.tries + 1
        if job.owner is not None:
            self.held[job.owner] = self.held.get(job.owner, 0) + 1
            self._note(self.held[job.owner] <= self.fleet.cap, f"{job.owner} over its cap")
        self.out.longest = max(self.out.longest, self.queues[job.kind].length)
        is_lost = self.chance.random() < self.fleet.lost
        runs_s = job.runs_s * self.chance.random() if is_lost else job.runs_s
        self.out.busy_s += runs_s
        heappush(self.events, (now + runs_s, job.id, job, is_lost))

    def _end(self, now: float, job: Job, *, is_lost: bool) -> None:
        board, kind = job.board, job.kind
        self._note(self.on_board.pop(board, None) is job, f"board {board} lost its job")
        job.board = -1
        self.free[kind].append(board)
        again = {kind}
        if job.owner is not None:
            self.held[job.owner] -= 1
            again |= {number for number, queue in enumerate(self.queues) if queue.unpark(job.owner)}
        if is_lost and job.tries <= RETRIES:
            job.lost_on = (*job.lost_on, board // BOARDS_OF_A_BUILDER)
            self.queues[kind].add(job)
        else:
            self._finished(now, job, is_lost=is_lost)
        for number in again:
            self._assign(now, number)

    def _finished(self, now: float, job: Job, *, is_lost: bool) -> None:
        self.out.ended += 1
        self.out.given_up += is_lost
        total = self.out.slowdowns[job.share]
        total[0] += (now - job.queued) / max(job.runs_s, 1.0)
        total[1] += 1

    def _note(self, is_right: bool, wrong: str) -> None:
        if not is_right and len(self.out.violations) < 100:
            self.out.violations.append(wrong)


def jain(values: list[float]) -> float:
    """Give Jain's index of fairness: 1 if all have the same, 1/n if one has all.

    Source:
        Jain, Chiu, Hawe: DEC-TR-301 (1984).
    """
    squares = sum(each * each for each in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
