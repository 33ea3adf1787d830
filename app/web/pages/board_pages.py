"""One board: how well it is, and how well it can tell a change, by what pairs of equal builds showed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from quart import Response

from app.db.queries import board_noise, lab
from app.history.matters import LEAST_FLOOR
from app.history.noise import MOST_PAIRS, binomial_interval, pairs_needed
from app.web.any_name import BOARD
from app.web.pages import places
from app.web.pages.answer import answer, deps, found, number, page
from app.web.pages.exports import Sheet
from app.web.pages.rows import BoardRow, board_row

ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Meter:
    """How often equal builds were called different here. The rule allows one in a hundred."""

    trials: int
    false_alarms: int
    rate: float | None  # None before the first
    low: float  # 99 % interval of the rate
    high: float


@dataclass(frozen=True, kw_only=True)
class NoiseRow:
    """What is known of one benchmark on the board. Sizes are relative."""

    forge: str
    full_name: str
    configuration: str
    benchmark: str
    metric: str
    sigma: float | None  # of one pair
    drift: float | None  # of the level, between the older and the newer half of the pairs
    pairs: int  # that say so
    needed: int | None  # pairs for an interval of ± 1 %
    too_noisy: bool  # the longest comparison has fewer
    trials: int
    false_alarms: int
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class BoardPage:
    """`/builders/{builder}/boards/{board}`."""

    builder: str
    board: BoardRow
    meter: Meter
    items: list[NoiseRow]
    after: int
    next: int | None


@page(f"/builders/<builder>/boards/<{BOARD}:name>", csv=True)
async def board(builder: str, name: str) -> Response:
    """Show one board."""
    after = number("after", largest=1_000_000) or 0
    async with deps().begin() as db:
        row = found(await lab.builder(db, builder), f"builder {builder}")
        boards = [board_row(each) for each in await lab.boards(db, builder_id=row["id"])]
        mine = found(next((each for each in boards if each.name == name), None), f"board {name} of {builder}")
        counted = await board_noise.meters(db, [mine.id])
        rows = await board_noise.of_board(db, mine.id, after=after, limit=ROWS + 1)
    view = BoardPage(
        builder=builder,
        board=mine,
        meter=meter(*counted.get(mine.id, (0, 0))),
        items=[_noise(each) for each in rows[:ROWS]],
        after=after,
        next=after + ROWS if len(rows) > ROWS else None,
    )
    return await answer("board.html", view, sheet=sheet(view), places=places, most_pairs=MOST_PAIRS)


def meter(trials: int, alarms: int) -> Meter:
    """Say what the counts of a board come to."""
    low, high = binomial_interval(alarms, trials) if trials else (0.0, 1.0)
    return Meter(trials=trials, false_alarms=alarms, rate=alarms / trials if trials else None, low=low, high=high)


def _noise(row: sa.RowMapping) -> NoiseRow:
    needed = pairs_needed(row["sigma"], LEAST_FLOOR) if row["sigma"] is not None else None
    return NoiseRow(**row, needed=needed, too_noisy=needed is not None and needed > MOST_PAIRS)


def sheet(view: BoardPage) -> Sheet:
    """Give the benchmarks as a sheet."""
    fields = tuple(NoiseRow.__dataclass_fields__)
    return Sheet(fields=fields, lines=[tuple(getattr(each, name) for name in fields) for each in view.items])
