"""What an open page hears: what changed, in the order of all processes, without a gap."""

import asyncio
from itertools import pairwise

import redis.asyncio

from app.web import changes
from app.web.changes import Position
from tests.pages.listening import PATIENCE, listening
from tests.pages.site import Site, running, sha

EVENTS = "/events?topics=job+pipeline"


async def publish(site: Site, *pipelines: int) -> None:
    for each in pipelines:
        await site.deps.notices.publish("pipeline", pipeline=each)


async def test_who_was_cut_off_goes_on_at_another_process_and_misses_nothing(site, settings):
    async with listening(f"{site.url}{EVENTS}&pipeline=7") as line:
        await publish(site, 7)
        heard = await line.next()

    await publish(site, 8, 7, 9)  # while nobody listens
    async with (
        running(settings) as other,
        listening(f"{other.url}{EVENTS}&pipeline=7", **{"Last-Event-ID": heard.id}) as line,
    ):
        missed = await line.next()
        await publish(site, 7)
        new = await line.next()
    async with running(settings) as third, listening(f"{third.url}{EVENTS}&pipeline=7&at={new.id}") as line:
        await publish(site, 8)
        await publish(site, 7)
        newest = await line.next()

    assert {each.kind for each in (missed, new, newest)} == {"changed"}
    ids = [Position.read(each.id) for each in (heard, missed, new, newest)]
    assert all(earlier < later for earlier, later in pairwise(ids))


async def test_a_page_goes_on_from_the_rows_that_it_shows(site):
    await publish(site, 1)
    page = await site.get("/pipelines")
    at = page.partition('data-at="')[2].partition('"')[0]
    await publish(site, 2)

    async with listening(f"{site.url}{EVENTS}&at={at}") as line:
        assert (await line.next()).kind == "changed"


async def test_who_was_away_for_too_long_is_told_to_look_at_everything(site, settings, monkeypatch):
    async with listening(site.url + EVENTS) as line:
        await publish(site, 1)
        heard = await line.next()
    monkeypatch.setattr(changes, "KEPT", 3)
    await publish(site, *range(2, 8))

    async with running(settings) as other:
        for known in (heard.id, "1-1", "99999999999999-0"):
            async with listening(f"{other.url}{EVENTS}&at={known}") as line:
                assert ((await line.next()).kind, line.found[0].data) == ("reset", "all")


async def test_pages_look_at_everything_after_redis_was_away(site):
    async with listening(site.url + EVENTS) as line:
        async with redis.asyncio.Redis.from_url(site.deps.settings.redis_url) as client:
            await client.client_kill_filter(_type="pubsub")
        assert (await line.next()).kind == "reset"
        await publish(site, 3)
        assert (await line.next()).kind == "changed"


async def test_a_burst_is_few_events(site):
    async with listening(site.url + EVENTS) as line:
        await publish(site, *range(1, 201))
        last = (await site.deps.notices.history(1))[0]["at"]
        async with asyncio.timeout(PATIENCE):
            while line.at != last:
                await line.next()

    assert 1 <= len(line.found) < 40


async def test_a_page_of_a_repository_hears_of_its_own_pipelines_only(site):
    one, two = await site.repository("acme/one"), await site.repository("acme/two", forge_id=5)
    mine, others = await site.pipeline(one), await site.pipeline(two, sha(2))

    async with listening(f"{site.url}{EVENTS}&repository={one}") as line:
        await publish(site, others)
        await site.deps.notices.publish("job", pipeline=mine, job=1, state="running")
        assert (await line.next()).data == '{"topics": ["job"]}'


async def test_who_asked_for_a_pipeline_hears_on_any_page_how_it_ended(site):
    pipeline = await site.pipeline(await site.repository(), title="Tune the cache", requested_by="ada")
    job = await site.job(pipeline, "passed")
    admin = await site.admin()

    async with (
        listening(f"{site.url}/events?topics=builder", **admin) as hers,
        listening(f"{site.url}/events?topics=builder") as a_strangers,
    ):
        await site.deps.notices.publish("job", pipeline=pipeline, job=job, state="passed")
        over = await hers.next()
        await site.deps.notices.publish("builder", builder=1)
        other = await a_strangers.next()

    assert (over.kind, over.data) == (
        "over",
        f'{{"pipeline": {pipeline}, "state": "passed", "title": "Tune the cache"}}',
    )
    assert (other.kind, other.data) == ("changed", '{"topics": ["builder"]}')


async def test_many_who_look_at_the_same_cost_one_rendering(site):
    await site.pipeline(await site.repository(), title="Seen by many")
    headers = {"Rigline-Parts": "list", "Rigline-At": "0-0"}

    answers = await asyncio.gather(*(site.http.get("/pipelines", headers=headers) for _ in range(8)))
    await site.update(
        "repository", (await site.json("/pipelines.json"))["items"][0]["repository_id"], full_name="acme/new"
    )
    old = await site.http.get("/pipelines", headers=headers)
    await publish(site, 1)
    at = (await site.deps.notices.history(1))[0]["at"]
    new = await site.http.get("/pipelines", headers=headers | {"Rigline-At": at})
    own = await site.http.get("/pipelines", headers=headers | await site.admin())

    assert len({each.text for each in answers}) == 1
    assert "Seen by many" in answers[0].text and "<html" not in answers[0].text
    assert "acme/firmware" in old.text
    assert "acme/new" in new.text and "acme/new" in own.text
