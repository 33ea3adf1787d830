"""Counts of the whole service that outlive its processes."""

from collections.abc import Mapping
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import tally


class Tally(StrEnum):
    """What is counted, as Prometheus names it."""

    DISAGREEMENTS = "rigline_queue_disagreements"
    LEASES_ENDED = "rigline_leases_ended_by_sweep"
    JOBS_GIVEN_UP = "rigline_queued_jobs_given_up"
    PUT_AGAIN = "rigline_work_put_again"
    BOARDS_OUT = "rigline_boards_quarantined"
    FAULTS = "rigline_faults"


HELP: Mapping[Tally, tuple[str, str]] = {  # what it means, and what tells its kinds apart
    Tally.DISAGREEMENTS: (
        "Entries of RQ that did not agree with the rows, put right by the sweep; 0 without faults.",
        "kind",
    ),
    Tally.LEASES_ENDED: ("Leases that the service itself ended.", "reason"),
    Tally.JOBS_GIVEN_UP: ("Jobs that ended without having been handed out.", "state"),
    Tally.PUT_AGAIN: ("Deliveries and results whose task was lost, put again.", "kind"),
    Tally.FAULTS: (
        "Rounds and tasks of workers that raised what nobody expected; the log has a trace of each.",
        "name",
    ),
    Tally.BOARDS_OUT: ("Boards that were taken out until a person says that they are good.", "builder"),
}


async def add(db: AsyncConnection, counted: Mapping[tuple[Tally, str], int]) -> None:
    """Add to the counts; always in one order, so that two of these never wait for each other."""
    for (name, kind), times in sorted(counted.items()):
        new = insert(tally).values(name=name, kind=kind, times=times)
        more = {"times": tally.c.times + new.excluded.times}
        await db.execute(new.on_conflict_do_update(constraint=tally.primary_key, set_=more))


async def read(db: AsyncConnection) -> dict[tuple[str, str], int]:
    """Read all counts, by name and kind."""
    rows = await db.execute(sa.select(tally).order_by(tally.c.name, tally.c.kind))
    return {(row.name, row.kind): row.times for row in rows}
