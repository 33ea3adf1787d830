"""One comparison in one line: geometric mean of its ratios, counts of its verdicts, its worst rows. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.history.verdict import Better, Finding, Verdict

WORST = 3  # rows


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the first line of a comparison says."""

    ratio: float | None  # geometric mean of the ratios, above 1 is worse; None without a row that has both sides
    rows: int  # in that mean
    counts: Mapping[Verdict, int]  # only verdicts that there are
    worst: tuple[int, ...]  # positions of the regressed rows, the largest change first
    fails: bool  # whether any row fails a status


def summarise(rows: Sequence[tuple[Finding, Better | None]]) -> Summary:
    """Sum a comparison up. Rows without direction, from zero or across zero are counted and not in the mean."""
    steps = {number: _step(finding, better) for number, (finding, better) in enumerate(rows)}
    known = [step for step in steps.values() if step is not None]
    regressed = [number for number, (finding, _) in enumerate(rows) if finding.verdict is Verdict.REGRESSED]
    regressed.sort(key=lambda number: -(math.inf if steps[number] is None else steps[number] or 0.0))
    return Summary(
        ratio=math.exp(math.fsum(known) / len(known)) if known else None,
        rows=len(known),
        counts=dict(Counter(finding.verdict for finding, _ in rows)),
        worst=tuple(regressed[:WORST]),
        fails=any(finding.fails for finding, _ in rows),
    )


def _step(finding: Finding, better: Better | None) -> float | None:
    """Give the logarithm of a ratio, where + is worse."""
    if finding.change is None or better is None or finding.change <= -1:
        return None
    return math.log1p(finding.change) * (1 if better is Better.LOWER else -1)
