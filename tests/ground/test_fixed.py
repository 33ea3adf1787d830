"""Statements whose constants stand in their text ask for the same as before, and bind only what is named."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg

from app.db.fixed import fixed
from app.db.session import engine
from app.db.tables import job
from app.states import JobState

ASKED = (
    sa.select(job.c.id, sa.literal("it's \\ 50 %: $1 :name").label("text"), sa.literal(2.5).label("number"))
    .where(job.c.state.in_([JobState.QUEUED, JobState.RUNNING]), job.c.reason != "no", job.c.epoch >= 0)
    .where(job.c.id == sa.bindparam("job_id"), sa.bindparam("cap", 7) == 7)
)


def parameters(statement):
    return statement.compile(dialect=asyncpg.dialect()).params


def test_only_what_is_given_by_name_is_bound():
    assert parameters(fixed(ASKED)) == {"job_id": None, "cap": 7}
    assert len(parameters(ASKED)) > 6


async def test_a_constant_reaches_the_server_as_it_was(database_url):
    without_rows = sa.select(*(ASKED.selected_columns[name] for name in ("text", "number")))
    made = engine(database_url)
    async with made.begin() as db:
        assert (await db.execute(fixed(without_rows))).one() == (await db.execute(without_rows)).one()
        assert (await db.execute(fixed(ASKED), {"job_id": 1, "cap": 8})).all() == []
    await made.dispose()
