"""Compiled statements are found by what was made once, or by what equals it; the one run least lately goes first."""

import sqlalchemy as sa

from app.db import session
from app.db.compiled import Compiled
from app.db.session import engine
from app.db.tables import job


def nest(number):
    return ("select", ("column", number), ("where", (number,)))


def test_a_statement_is_found_by_the_same_nest_and_by_an_equal_one():
    known, made = Compiled(), nest(1)
    known["dialect", made, ("id",), False] = "one"

    assert known.get(("dialect", made, ("id",), False)) == "one"
    assert known.get(("dialect", nest(1), ("id",), False)) == "one"
    assert known.get(("dialect", made, ("name",), False)) is None
    assert known.get(("other dialect", made, ("id",), False)) is None


def test_the_statement_that_was_run_least_lately_goes_first_whichever_way_it_was_found():
    known, kept = Compiled(most=2), [nest(1), nest(2)]
    for number, each in enumerate(kept):
        known["dialect", each] = number
    assert known.get(("dialect", nest(1))) == 0
    known["dialect", nest(3)] = 2

    assert [known.get(("dialect", nest(number))) for number in (1, 2, 3)] == [0, None, 2]
    assert len(known) == 2


async def test_an_engine_compiles_equal_statements_once_and_others_anew(database_url, monkeypatch):
    monkeypatch.setattr(session, "Compiled", Compiled)  # empty, unlike the one that tests share
    made = engine(database_url)
    known = made.sync_engine.get_execution_options()["compiled_cache"]
    async with made.connect() as db:
        for number in (1, 2):
            await db.execute(sa.select(job.c.id).where(job.c.id == number))
        after = len(known)
        found = list(await db.execute(sa.select(sa.literal(7).label("seven"))))
    await made.dispose()

    assert after == 1
    assert [row.seven for row in found] == [7]
    assert len(known) == 2
