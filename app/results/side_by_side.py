"""Two commits side by side, from what jobs of their own measured: shown, never judged."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import points
from app.db.queries.points import Measurements
from app.history import statistics, verdicts
from app.history.statistics import median
from app.history.verdict import NOT_INTERLEAVED, Verdict
from app.history.verdicts import ComparedRow, ComparedTarget, Verdicts

MOST = 5_000  # measurements of one commit
Target = tuple[str, str]  # board type, configuration
Measured = Mapping[str, Sequence[Mapping[str, Any]]]  # identity → what was measured of it

WHY = "as asked for"


async def compare(db: AsyncConnection, repository_id: int, base: str, head: str) -> Verdicts:
    """Hold what was measured at one commit beside what was measured at another; empty if there is nothing of head."""
    both = [Measurements(repository_id=repository_id, commit=sha) for sha in (base, head)]
    sides = [await points.list_(db, each, {}, limit=MOST) for each in both]
    before, after = (_by_target([dict(each) for each in side]) for side in sides)
    targets = [_target(key, before.get(key, {}), found) for key, found in sorted(after.items())]
    return verdicts.whole(base, WHY, head, targets)


def _by_target(rows: Iterable[dict[str, Any]]) -> dict[Target, dict[str, list[dict[str, Any]]]]:
    found: dict[Target, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        found.setdefault((row["board_type"], row["configuration"]), {}).setdefault(row["identity"], []).append(row)
    return found


def _target(key: Target, before: Measured, after: Measured) -> ComparedTarget:
    rows = [_row(before.get(identity, ()), found, is_known=bool(before)) for identity, found in after.items()]
    rows += [_row(found, (), is_known=True) for identity, found in before.items() if identity not in after]
    newest = max((each["job_id"] or 0 for found in after.values() for each in found), default=0)
    bare = ComparedTarget(
        comparison_id=0,
        pipeline_id=0,
        job_id=newest,
        board_type=key[0],
        configuration=key[1],
        is_interleaved=False,
        is_over=True,
    )
    return verdicts.target(bare, rows, verdicts.tally(rows))


def _row(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], *, is_known: bool) -> ComparedRow:
    """Make a row of what both commits have of one series.

    Args:
        is_known: the base was measured on this target, so that what it lacks is new.
    """
    of = (after or before)[-1]
    old, new = _samples(before), _samples(after)
    base, head = median(old) if old else None, median(new) if new else None
    names = ("identity", "benchmark", "params", "version", "metric", "unit", "better")
    return ComparedRow(
        **{name: of[name] for name in names},
        verdict=_verdict(base, head, is_known=is_known),
        base=base,
        head=head,
        change=statistics.change(base, head) if base is not None and head is not None else None,
        note=NOT_INTERLEAVED if base is not None and head is not None else "",
        base_values=tuple(old),
        head_values=tuple(new),
    )


def _verdict(base: float | None, head: float | None, *, is_known: bool) -> Verdict:
    if head is None:
        return Verdict.REMOVED
    if base is None:
        return Verdict.NEW if is_known else Verdict.NO_BASELINE
    return Verdict.ONCE


def _samples(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    return [sample for row in rows for sample in (row["samples"] or [row["value"]])]
