"""The format that a configuration names reads the result, from the builder's finish to the measurement."""

import hashlib

import sqlalchemy as sa

from app.db.tables import measurement, result, series
from app.results.ingest import ingest

DATA = b"board ready\nboot 41\nboot 43\n"
WANTED = {"name": "pattern", "pattern": r"boot (?P<value>\d+)", "benchmark": "boot", "unit": "ticks", "better": "lower"}


def sent(wanted: dict | None) -> dict:
    return {"number": 0, "size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest(), "wanted": wanted}


async def test_a_result_is_read_with_the_pattern_that_came_with_the_finish(world):
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.result(lease, 0, DATA)

    assert (await lab.finish(lease, results=[sent(WANTED)])).status_code == 200
    await ingest(world.deps, lease.attempt_id)

    asked = sa.select(series.c.benchmark, series.c.unit, series.c.better, measurement.c.samples, result.c.note)
    joined = asked.join_from(measurement, series, series.c.id == measurement.c.series_id)
    async with world.deps.begin() as db:
        rows = list(await db.execute(joined.join(result, result.c.attempt_id == measurement.c.attempt_id)))
    assert [tuple(row) for row in rows] == [
        ("boot", "ticks", "lower", [41, 43], "1 measurement in format pattern, 1 line ignored")
    ]


async def test_what_is_said_of_a_format_is_bounded_and_a_builder_that_says_nothing_keeps_working(world):
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.result(lease, 0, DATA)

    answers = [
        await lab.finish(lease, results=[sent({**WANTED, "pattern": "x" * 501})]),
        await lab.finish(lease, results=[sent({**WANTED, "better": "up"})]),
        await lab.finish(lease, results=[sent({**WANTED, "unit": "m\0s"})]),
    ]
    old = {name: value for name, value in sent(None).items() if name != "wanted"}
    answers.append(await lab.finish(lease, results=[old]))

    assert [answer.status_code for answer in answers] == [422, 422, 422, 200]
    assert "results.wanted.pattern" in answers[0].text
