"""What `/metrics` says of the whole service."""

from datetime import UTC, datetime, timedelta

from tests.pages.site import Site, sha


async def gauge(site: Site, name: str) -> dict[str, float]:
    """Read the lines of one metric as Prometheus would, by their labels."""
    lines = (await site.get("/metrics")).splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith((f"{name}{{", f"{name} "))]
    return {labels.removeprefix(name): float(number) for labels, _, number in found}


async def test_what_waits_and_what_runs_is_counted_by_where_it_waits_and_since_when(site: Site) -> None:
    pipeline = await site.pipeline(await site.repository())
    for number, age in enumerate((30, 90)):
        waits = {"queued_at": datetime.now(UTC) - timedelta(seconds=age), "configuration": str(number)}
        await site.job(pipeline, **waits)
    running = await site.job(pipeline, "running", configuration="third")
    await site.attempt(running)
    for number, outcome in enumerate(("errored", "passed", "passed"), 10):
        await site.attempt(await site.job(pipeline, outcome, configuration=str(number)), outcome)

    oldest = await gauge(site, "rigline_queue_oldest_seconds")

    assert await gauge(site, "rigline_jobs_open") == {'{state="queued"}': 2, '{state="running"}': 1}
    assert await gauge(site, "rigline_queue_jobs") == {'{board_type="nucleo-f7",priority="branch"}': 2}
    assert 90 <= oldest['{board_type="nucleo-f7",priority="branch"}'] < 300
    assert await gauge(site, "rigline_attempts_ended_last_hour") == {'{outcome="errored"}': 1, '{outcome="passed"}': 2}
    assert await gauge(site, "rigline_boards") == {'{health="unknown"}': 1}
    assert await gauge(site, "rigline_builders") == {'{connected="yes",state="active"}': 1}
    assert (await gauge(site, "rigline_database_bytes"))[""] > 1e6


async def test_what_a_forge_does_not_know_yet_is_counted_with_how_late_it_is(site: Site) -> None:
    repository = await site.repository()
    due = datetime.now(UTC) - timedelta(minutes=7)
    late = {"repository_id": repository, "commit": sha(1), "next_at": due, "version": 2}
    await site.insert("status", context="rigline", pipeline_id=await site.pipeline(repository), **late)

    lag = await gauge(site, "rigline_outbox_lag_seconds")

    assert (await gauge(site, "rigline_outbox_unsent"))['{kind="status"}'] == 1
    assert 420 <= lag['{kind="status"}'] < 600


async def test_answers_are_counted_by_what_was_asked_and_how_it_ended(site: Site) -> None:
    missing = '{area="pages",status="4xx"}'
    before = (await gauge(site, "rigline_requests_total")).get(missing, 0)

    await site.get("/jobs/4711", 404)

    assert (await gauge(site, "rigline_requests_total"))[missing] == before + 1
