"""How noisy a board is: what pairs of equal builds showed, and the meter of false alarms."""

from datetime import datetime

import sqlalchemy as sa
from pydantic import Field

from app.db.queries import noise
from app.deps import Deps
from app.handlers import boards
from app.history.noise import binomial_interval
from app.results.noise import of_differences
from app.web.api.boards import OfBuilder
from app.web.api.operations import INT4, Told, operation
from app.web.api.paging import LONGEST_PAGE, USUAL_PAGE


class NoiseRow(Told):
    """What pairs of equal builds showed of one metric on a board. Sizes are relative: 0.01 is one percent."""

    repository: str
    configuration: str
    benchmark: str
    metric: str
    identity: str
    pairs: int = Field(description="the latest, that this is said of")
    sigma: float | None = Field(description="of one pair, over the last 64; null with fewer than 8")
    drift: float | None = Field(description="that sigma beside the one before: 2.0 is twice as noisy")
    drifts: bool = Field(description="the drift is certain")
    bias: float | None = Field(description="what the second one seems to cost, although both are equal")
    biased: bool = Field(description="the bias is certain: the order of a pair leaks into the result")
    needed: int | None = Field(description="pairs that it takes to tell a change of one percent")
    too_noisy: bool = Field(description="more than the last look has")
    trials: int = Field(description="comparisons of equal builds")
    false_alarms: int = Field(description="of these, how many were called changed at the level of one percent")
    changed_at: datetime


class NoiseTold(Told):
    """The noise of a board, and how often equal builds would have been called different on it."""

    items: list[NoiseRow]
    next: int | None = Field(description="cursor of the next page; null on the last one")
    trials: int
    false_alarms: int
    rate: float | None = Field(description="false alarms per trial; null before the first")
    low: float = Field(description="99 % interval of the rate")
    high: float


class NoiseOf(OfBuilder):
    """Which board, and which part of the list. It is ordered by what it is of, so the cursor counts rows."""

    cursor: int = Field(default=0, ge=0, le=INT4, description="`next` of the page before; nothing for the first page")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")


@operation("GET", "/boards/{name}/noise", query=NoiseOf, answer=NoiseTold)
async def show_noise(deps: Deps, *, name: str, query: NoiseOf) -> NoiseTold:
    """Say how well a board can tell a change, by benchmark, and how often equal builds seemed to differ on it."""
    board_id = await boards.find(deps, name, query.builder)
    async with deps.begin() as db:
        rows = await noise.of_board(db, board_id, after=query.cursor, limit=query.limit + 1)
        trials, alarms = await noise.meter(db, board_id)
    low, high = binomial_interval(alarms, trials) if trials else (0.0, 1.0)
    return NoiseTold(
        items=[_row(each) for each in rows[: query.limit]],
        next=query.cursor + query.limit if len(rows) > query.limit else None,
        trials=trials,
        false_alarms=alarms,
        rate=alarms / trials if trials else None,
        low=low,
        high=high,
    )


def _row(row: sa.RowMapping) -> NoiseRow:
    found = of_differences(row["differences"])
    of_row = ("repository", "configuration", "benchmark", "metric", "identity", "trials", "false_alarms", "changed_at")
    of_noise = ("pairs", "drift", "drifts", "bias", "biased", "needed", "too_noisy")
    return NoiseRow(
        **{name: row[name] for name in of_row}, **{name: getattr(found, name) for name in of_noise}, sigma=found.recent
    )
