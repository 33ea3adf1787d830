"""A write that is sent again with its key is done once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2

from app.client import Client, Place
from app.db.session import arguments
from app.deps import build
from app.settings import Settings
from app.tasks.retention import forget_answers
from tests.api.cutting import cutting
from tests.api.service import HASH, REMOTE, Service, running

DISPATCH = {"kind": "run", "commit": HASH, "remote_url": REMOTE}


def _key(text: str = "") -> dict[str, str]:
    return {"Idempotency-Key": text or str(uuid.uuid4())}


async def _pipelines(service: Service) -> list[int]:
    return [each["id"] for each in (await service.local.get("/pipelines")).json()["items"]]


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**arguments(settings.database_url))
    try:
        yield connection
    finally:
        await connection.close()


async def test_the_same_key_gives_the_first_answer_again(service: Service) -> None:
    await service.builder()
    key = _key()

    first = await service.local.post("/pipelines", json=DISPATCH, headers=key)
    second = await service.local.post("/pipelines", json=DISPATCH, headers=key)
    without = await service.local.post("/pipelines", json=DISPATCH)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (False, "true")
    assert await _pipelines(service) == [without.json()["id"], first.json()["id"]]


async def test_the_same_key_with_another_body_is_refused(service: Service) -> None:
    await service.builder()
    key = _key()
    await service.local.post("/pipelines", json=DISPATCH, headers=key)

    other = await service.local.post("/pipelines", json=DISPATCH | {"repeat": 2}, headers=key)
    malformed = await service.local.post("/pipelines", json=DISPATCH, headers=_key("two words"))

    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert (malformed.status_code, malformed.json()["error"]["code"]) == (422, "invalid")
    assert len(await _pipelines(service)) == 1


async def test_a_key_counts_for_one_actor_and_one_address(service: Service) -> None:
    await service.builder()
    key = _key()
    ada, bob = [{"Authorization": f"Bearer {await service.token()}"} for _ in range(2)]

    made = [await service.web.post("/pipelines", json=DISPATCH, headers=key | who) for who in (ada, bob)]
    cancelled = await service.web.post(f"/pipelines/{made[0].json()['id']}/cancel", headers=key | ada)

    assert made[0].json()["id"] != made[1].json()["id"]
    assert cancelled.json()["state"] == "cancelled"


async def test_a_refusal_is_the_first_answer_too(service: Service) -> None:
    key = _key()

    first = await service.local.post("/pipelines", json=DISPATCH, headers=key)
    await service.builder()
    second = await service.local.post("/pipelines", json=DISPATCH, headers=key)

    assert (first.status_code, second.status_code) == (409, 409)
    assert second.json() == first.json()


async def test_while_the_first_is_at_work_the_second_is_told_when_to_come_back(service: Service) -> None:
    await service.builder()
    key = _key()
    async with _database(service.settings) as database:
        async with database.transaction():
            await database.execute("LOCK TABLE pipeline IN EXCLUSIVE MODE")
            first = asyncio.create_task(service.local.post("/pipelines", json=DISPATCH, headers=key))
            await _has_begun(database)
            second = await service.local.post("/pipelines", json=DISPATCH, headers=key)
        opened = await first

    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_in_progress")
    assert second.headers["Retry-After"] == "1"
    assert opened.status_code == 201
    assert len(await _pipelines(service)) == 1


async def _has_begun(database: asyncpg.Connection) -> None:
    """Wait until the request stands before the lock."""
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'pipeline'::regclass"
    async with asyncio.timeout(20):
        while not await database.fetchval(waits):
            await asyncio.sleep(0.01)


async def test_a_key_lives_through_a_restart_and_a_token_is_kept_sealed(settings: Settings) -> None:
    key, wish = _key(), {"name": "shelf"}
    async with running(settings) as service:
        first = await service.local.post("/builders", json=wish, headers=key)
    async with running(settings) as service, _database(settings) as database:
        second = await service.local.post("/builders", json=wish, headers=key)
        kept = await database.fetchval("SELECT answer FROM kept_answer")

    assert second.json() == first.json()
    assert second.json()["token"].startswith("rlb_")
    assert second.json()["token"].encode() not in kept


async def test_after_a_day_a_key_is_new_and_what_it_kept_goes(settings: Settings) -> None:
    key, wish = _key(), {"name": "shelf"}
    deps = await build(settings, forges={})
    async with running(settings) as service, _database(settings) as database:
        await service.local.post("/builders", json=wish, headers=key)
        await database.execute("UPDATE kept_answer SET begun_at = now() - interval '24 hours 1 second'")
        again = await service.local.post("/builders", json=wish, headers=key)
        await database.execute("UPDATE kept_answer SET begun_at = now() - interval '24 hours 1 second'")
        forgotten = await forget_answers(deps)
    await deps.close()

    assert again.status_code == 409  # the name is taken: it really was asked anew
    assert forgotten == 1


async def test_what_was_cut_off_in_the_middle_is_not_done_again(service: Service) -> None:
    await service.builder()
    key = _key()
    await service.local.post("/pipelines", json=DISPATCH, headers=key)
    async with _database(service.settings) as database:
        await database.execute("UPDATE kept_answer SET answer = NULL, begun_at = now() - interval '121 seconds'")
    again = await service.local.post("/pipelines", json=DISPATCH, headers=key)

    assert (again.status_code, again.json()["error"]["code"]) == (409, "outcome_unknown")
    assert len(await _pipelines(service)) == 1


async def test_a_client_whose_answers_are_lost_asks_again_and_nothing_is_doubled(service: Service) -> None:
    await service.builder()
    token = await service.token(role="admin")
    async with cutting(service.url) as line:
        told = await asyncio.to_thread(_work, Place(server=line.url, token=token), line)

    assert line.lost == 6
    assert told["answers"] == [await _last_pipeline(service), None, True]
    assert len(await _pipelines(service)) == 1


def _work(place: Place, line: Any) -> dict[str, Any]:
    with Client(place, backoff_s=0.01) as client:
        client.get("/pipelines")
        line.to_lose = 2
        opened = client.post("/pipelines", DISPATCH)
        client.post("/builders", {"name": "spare"})
        line.to_lose = 2
        deleted = client.delete("/builders/spare")
        line.to_lose = 2
        told = client.post("/users", {"name": "eve", "role": "committer"})
    return {"answers": [opened["id"], deleted, told["name"] == "eve"]}


async def _last_pipeline(service: Service) -> int:
    return (await _pipelines(service))[0]


async def test_a_client_that_hangs_up_finds_its_answer_the_next_time(service: Service) -> None:
    await service.builder()
    key = _key()
    async with _database(service.settings) as database, database.transaction():
        await database.execute("LOCK TABLE pipeline IN EXCLUSIVE MODE")
        hasty = httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=str(service.settings.socket)))
        first = asyncio.create_task(hasty.post("http://rigline/api/v1/pipelines", json=DISPATCH, headers=key))
        await _has_begun(database)
        first.cancel()
        await asyncio.wait([first])
        await hasty.aclose()
    async with asyncio.timeout(20):
        while (again := await service.local.post("/pipelines", json=DISPATCH, headers=key)).status_code == 409:
            await asyncio.sleep(0.01)

    assert again.status_code == 201
    assert await _pipelines(service) == [again.json()["id"]]
