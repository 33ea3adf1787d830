"""How a job's phases are drawn: what each took or takes, beside what it usually takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.history.durations import Progress, Stage
from builders.protocol import Phase


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One phase, with a bar and a mark on one scale for all phases, both 0 … 1."""

    phase: Phase
    stage: Stage
    seconds: float | None
    expected_s: float | None
    over_s: float
    exit_code: int | None
    times: int  # it was gone through
    length: float
    mark: float | None  # where it usually ends


def bars(progress: Progress, reported: Sequence[Any]) -> list[Bar]:
    """Draw the phases of a job.

    Args:
        reported: the phases of the attempt as its builder told them in the end: `phase` and `exit_code`.
    """
    scale = max((max(each.seconds or 0.0, each.expected_s or 0.0) for each in progress.phases), default=0.0) or 1.0
    found = []
    for each in progress.phases:
        codes = [one.exit_code for one in reported if one.phase == each.phase]
        found.append(
            Bar(
                phase=each.phase,
                stage=each.stage,
                seconds=each.seconds,
                expected_s=each.expected_s,
                over_s=each.over_s,
                exit_code=next((code for code in codes if code), codes[-1] if codes else None),
                times=len(codes),
                length=round((each.seconds or 0.0) / scale, 4),
                mark=None if each.expected_s is None else round(each.expected_s / scale, 4),
            )
        )
    return found
