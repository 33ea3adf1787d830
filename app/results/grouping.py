"""Bring the change points of some series, and the shifts they make, to what the detector says now.

A change point keeps its row while its cut moves a little, and its shift for ever: what people said of it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Triage
from app.db.queries import shifting
from app.db.queries.analysing import Claimed
from app.db.queries.shifting import BY_ITSELF, OPEN, Candidate
from app.history import changes
from app.history.changes import Known
from app.history.detector import Cut, Detection
from app.history.shifts import Range, Standing, turn
from app.results.lines import Line

NEWS = 50  # points: what is found farther from the end, as in an import, is listed, but subscribers hear nothing of it


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the detector says of one series; None if it could say nothing."""

    claimed: Claimed
    line: Line
    known: Sequence[Known]
    detection: Detection | None

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Give the cuts in ascending order."""
        return self.detection.cuts if self.detection else ()


@dataclass(frozen=True, kw_only=True)
class _Fresh:
    """A change point that is not stored yet."""

    range: Range
    is_news: bool
    row: dict[str, Any]


async def keep(db: AsyncConnection, repository_id: int, branch: str, found: Sequence[Found]) -> None:
    """Store what was found in some series of one branch; the caller holds the repository's lock and the claims."""
    fresh, renewed, gone, touched = list[_Fresh](), list[dict[str, Any]](), set[int](), set[int]()
    for each in found:
        matched = changes.match(each.known, each.cuts)
        back = dict(zip(each.cuts, changes.recovered(each.cuts, each.line.resolution), strict=True))
        fresh += [_fresh(each, cut, has_recovered=back[cut]) for cut in matched.fresh]
        renewed += [{"row": known.id, **_row(each, cut), "recovered": back[cut]} for known, cut in matched.kept]
        gone |= {known.id for known in matched.gone}
        touched |= {known.shift_id for known in [*matched.gone, *(known for known, _ in matched.kept)]}
    await shifting.renew(db, renewed)
    await shifting.let_go(db, gone)
    await _follow(db, touched)  # ranges first: what is new joins what is there now
    joined, silent = await _join(db, repository_id, branch, fresh)
    await shifting.settle(db, joined)
    await _follow(db, joined)
    await shifting.hush(db, silent)


async def _join(
    db: AsyncConnection, repository_id: int, branch: str, fresh: Sequence[_Fresh]
) -> tuple[set[int], set[int]]:
    """Store new change points, each in a shift whose range overlaps with its own, or in one of its own.

    Returns:
        The shifts they are in, and those among them that are new and hold no news.
    """
    if not fresh:
        return set(), set()
    first, last = min(each.range.after for each in fresh), max(each.range.until for each in fresh)
    there = await shifting.candidates(db, repository_id, branch, Range(after=first, until=last))
    rows, made, news = [], set[int](), set[int]()
    for each in fresh:
        home = next((known.id for known in there if known.range.overlaps(each.range)), None)
        if home is None:
            is_worse = each.row["is_worse"] is True
            home = await shifting.open_(db, repository_id, branch, each.range, is_worse=is_worse)
            there.append(Candidate(id=home, is_open=True, range=each.range))
            made.add(home)
        if each.is_news:
            news.add(home)
        rows.append(each.row | {"shift_id": home})
    await shifting.add(db, rows)
    return {row["shift_id"] for row in rows}, made - news


async def _follow(db: AsyncConnection, shift_ids: set[int]) -> None:
    """Let the numbers say what becomes of some shifts."""
    if not shift_ids:
        return
    rows = await shifting.locked(db, shift_ids)
    judged = await shifting.judge(db, shift_ids)
    for row in rows:
        says = judged[row["id"]]
        await shifting.follow(db, row, says, turn(_standing(row), says.facts))


def _standing(row: sa.RowMapping) -> Standing:
    return Standing(
        is_new=row["state"] == Triage.NEW,
        is_open=row["state"] in OPEN,
        by_itself=row["said_by"] == BY_ITSELF,
        has_recovered=row["state"] == Triage.RECOVERED,
        agreed=row["agreed_change"],
    )


def _fresh(found: Found, cut: Cut, *, has_recovered: bool) -> _Fresh:
    return _Fresh(
        range=Range(after=found.line.places[cut.previous], until=found.line.places[cut.index]),
        is_news=len(found.line.values) - cut.index <= NEWS,
        row={"series_id": found.claimed.series_id, **_row(found, cut), "recovered": has_recovered},
    )


def _row(found: Found, cut: Cut) -> dict[str, Any]:
    return {
        "after_commit_id": found.line.places[cut.previous][1],
        "until_commit_id": found.line.places[cut.index][1],
        "before": cut.before,
        "after": cut.after,
        "change": changes.size(cut),
        "low": cut.low,
        "high": cut.high,
        "is_worse": changes.is_worse(cut, found.claimed.better),
        "points_after": cut.points,
    }
