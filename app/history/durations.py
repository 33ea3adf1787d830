"""How far a job is, and when it will be done, by how long its phases usually take. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from builders.protocol import Kind, Phase

NEARLY = 0.99  # of a job that has not ended: the last hundredth is its end itself
OF_KIND = {Kind.BUILD: (Phase.FETCH, Phase.BUILD), Kind.RUN: tuple(Phase), Kind.HEALTH: (Phase.RUN,)}
Seconds = Mapping[Phase, float]


class Stage(StrEnum):
    """Where a phase is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    NEVER = "never"  # the job ended before it


@dataclass(frozen=True, kw_only=True)
class PhaseProgress:
    """One phase: how long it takes so far, and usually."""

    phase: Phase
    stage: Stage
    seconds: float | None = None
    expected_s: float | None = None

    @property
    def share(self) -> float | None:
        """Say how much of the usual time is over, 0 … 1; None if nobody knows."""
        if self.stage is Stage.DONE:
            return 1.0
        if self.seconds is None or not self.expected_s:
            return None if self.stage is Stage.RUNNING else 0.0
        return min(NEARLY, self.seconds / self.expected_s)

    @property
    def over_s(self) -> float:
        """Say by how many seconds it takes longer than usual."""
        return max(0.0, self.seconds - self.expected_s) if self.seconds and self.expected_s is not None else 0.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A job on its way."""

    phases: list[PhaseProgress]
    seconds: float  # so far, all phases
    expected_s: float | None  # of all phases; None: no job like it has passed yet
    share: float | None  # 0 … 1, below 1 until it has ended
    left_s: float | None
    over_s: float  # how much longer than usual it takes already
    jobs: int  # that the expectation is made of


def usual(jobs: Iterable[Iterable[Mapping[str, Any]]]) -> dict[Phase, float]:
    """Give the middle of what each phase took.

    Args:
        jobs: the phases of each job, as builders report them: `phase` and `seconds`; a phase may stand there often.
    """
    took: dict[Phase, list[float]] = {}
    for phases in jobs:
        for phase, seconds in summed(phases).items():
            took.setdefault(phase, []).append(seconds)
    return {phase: median(values) for phase, values in took.items()}


def summed(phases: Iterable[Mapping[str, Any]]) -> dict[Phase, float]:
    """Sum the seconds of each phase."""
    found: dict[Phase, float] = {}
    for each in phases:
        phase = Phase(each["phase"])
        found[phase] = found.get(phase, 0.0) + float(each["seconds"])
    return found


def so_far(began: Seconds, *, again: bool) -> dict[Phase, float]:
    """Say how long each phase of a running job takes so far; the last one is the one it is in.

    Args:
        began: how many seconds ago each phase was first heard of.
        again: run and collect take turns, so that they are one until the end.
    """
    order = [phase for phase in Phase if phase in began]
    if again and Phase.RUN in order:
        order = order[: order.index(Phase.RUN) + 1]
    ends = [*(began[each] for each in order[1:]), 0.0]
    return {phase: max(0.0, began[phase] - end) for phase, end in zip(order, ends, strict=False)}


def of_running(kind: Kind, taken: Seconds, current: Phase | None, expected: Seconds, *, jobs: int) -> Progress:
    """Tell of a job that waits (no phase yet) or runs."""
    order = OF_KIND[kind]
    at = order.index(current) if current in order else -1

    def stage(number: int) -> Stage:
        return Stage.DONE if number < at else Stage.RUNNING if number == at else Stage.PENDING

    rows = [_row(phase, stage(number), taken, expected) for number, phase in enumerate(order)]
    spent, total, left = sum(taken.values()), _total(order, expected), _left(rows)
    share = None if left is None else min(NEARLY, spent / (spent + left)) if spent else 0.0
    over = max(0.0, spent - total) if total is not None else 0.0
    return Progress(phases=rows, seconds=spent, expected_s=total, share=share, left_s=left, over_s=over, jobs=jobs)


def of_ended(kind: Kind, taken: Seconds, expected: Seconds, *, jobs: int) -> Progress:
    """Tell of a job that has ended, well or not."""
    order = OF_KIND[kind]
    rows = [_row(phase, Stage.DONE if phase in taken else Stage.NEVER, taken, expected) for phase in order]
    spent, total = sum(taken.values()), _total(order, expected)
    over = max(0.0, spent - total) if total is not None else 0.0
    return Progress(phases=rows, seconds=spent, expected_s=total, share=1.0, left_s=0.0, over_s=over, jobs=jobs)


def _row(phase: Phase, stage: Stage, taken: Seconds, expected: Seconds) -> PhaseProgress:
    return PhaseProgress(phase=phase, stage=stage, seconds=taken.get(phase), expected_s=expected.get(phase))


def _total(order: Sequence[Phase], expected: Seconds) -> float | None:
    return sum(expected.get(phase, 0.0) for phase in order) if expected else None


def _left(rows: Sequence[PhaseProgress]) -> float | None:
    """Sum what is to come; a phase that is over its time has nothing left."""
    if not any(each.expected_s is not None for each in rows):
        return None
    coming = [each for each in rows if each.stage in (Stage.PENDING, Stage.RUNNING)]
    return sum(max(0.0, (each.expected_s or 0.0) - (each.seconds or 0.0)) for each in coming)
