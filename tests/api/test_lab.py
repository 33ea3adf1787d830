"""Builders, boards, repositories and deliveries from their owners' side."""

from typing import Any

import asyncpg
import redis

from app.db.session import arguments
from tests.api.service import Service

UNSERVABLE: list[tuple[dict[str, Any], str]] = [
    ({"forge": "sourcehut", "full_name": "acme/app", "id": 7}, "configured are"),
    ({"forge": "github", "full_name": "acme", "id": 7}, "full_name"),
    ({"forge": "github", "full_name": "acme/app", "id": 0}, "id"),
    ({"forge": "github", "full_name": "acme/app", "id": 7, "clone_url": "https://evil/x"}, "clone_url"),
]


async def test_a_builders_token_is_shown_once_and_works(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])

    listed = (await service.web.get("/builders")).json()["items"]
    boards = (await service.web.get("/boards")).json()["items"]
    shown = (await service.web.get("/builders/shelf")).json()

    assert [(each["name"], each["boards"], each["busy"]) for each in listed] == [("shelf", 1, 0)]
    assert [(each["name"], each["builder"], each["configurations"]) for each in boards] == [
        ("desk", "shelf", ["fast", "slow"])
    ]
    assert "token" not in shown
    assert builder.http.headers["Authorization"].startswith("Bearer rlb_")


async def test_a_builders_name_is_a_plain_word(service: Service) -> None:
    for name in ("me", "", "a b", "../x", "-x", "a" * 101, "é"):
        answer = await service.local.post("/builders", json={"name": name})

        assert (name, answer.status_code) == (name, 422)


async def test_two_builders_cannot_have_one_name(service: Service) -> None:
    first, second = [await service.local.post("/builders", json={"name": "shelf"}) for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 409)


async def test_a_rotated_token_is_the_only_one_that_works(service: Service) -> None:
    builder = await service.builder()

    rotated = (await service.local.post("/builders/shelf/rotate-token")).json()
    hello = {"instance": "x", "version": "0", "boards": []}
    old = await builder.http.put("/builders/me", json=hello)
    builder.http.headers["Authorization"] = f"Bearer {rotated['token']}"
    new = await builder.http.put("/builders/me", json={**hello, "instance": builder.instance})

    assert (old.status_code, new.status_code) == (401, 200)


async def test_a_paused_builder_gets_no_jobs_until_it_is_resumed(service: Service) -> None:
    builder = await service.builder()
    paused = await service.local.post("/builders/shelf/pause")
    await service.dispatch()
    asked = {"claim_id": "6e4a8c0e-0000-4000-8000-000000000001", "instance": builder.instance, "wait_s": 0}
    nothing = await builder.http.post("/builders/me/claim", json={**asked, "boards_free": ["desk"]})

    resumed = await service.local.post("/builders/shelf/resume")

    assert (paused.json()["state"], nothing.status_code, resumed.json()["state"]) == ("paused", 204, "active")
    assert (await builder.claim())["board"] == "desk"


async def test_a_builder_without_history_is_deleted_and_one_with_history_retires(service: Service) -> None:
    await service.builder("fresh", bench=["fast"])
    builder = await service.builder("used", desk=["fast"])
    opened = await service.dispatch(boards=["desk"])
    lease = await builder.claim()

    busy = await service.local.delete("/builders/used")
    await builder.finish(lease)
    gone = [(await service.local.delete(f"/builders/{name}")).status_code for name in ("fresh", "used")]
    listed = (await service.web.get("/builders")).json()["items"]
    history = (await service.web.get(f"/pipelines/{opened['id']}")).json()
    refused = await builder.http.put("/builders/me", json={"instance": "x", "version": "0", "boards": []})
    again = await service.local.post("/builders/used/resume")

    assert (busy.status_code, gone, listed) == (409, [204, 204], [])
    assert history["jobs"][0]["attempt"]["builder"] == "used"
    assert (refused.status_code, again.status_code) == (401, 409)
    assert (await service.web.get("/builders/fresh")).status_code == 404


async def test_a_repository_is_added_listed_and_removed(service: Service) -> None:
    body = {"forge": "github", "full_name": "acme/app", "id": 7, "private": True}

    added = (await service.local.post("/repositories", json=body)).json()
    again = (await service.local.post("/repositories", json={**body, "full_name": "acme/renamed"})).json()
    listed = (await service.local.get("/repositories")).json()["items"]
    removed = await service.local.delete(f"/repositories/{added['id']}")
    after = await service.web.get(f"/repositories/{added['id']}")

    assert (added["clone_url"], added["private"]) == ("https://github.com/acme/app.git", True)
    assert [(each["id"], each["full_name"]) for each in listed] == [(again["id"], "acme/renamed")]
    assert (added["id"], removed.status_code, after.status_code) == (again["id"], 204, 404)


async def test_a_repository_that_cannot_be_served_is_refused(service: Service) -> None:
    for body, said in UNSERVABLE:
        answer = await service.local.post("/repositories", json=body)

        assert (body, answer.status_code) == (body, 422)
        assert said in answer.json()["error"]["message"]


async def test_a_delivery_is_replayed_as_if_it_had_just_come(service: Service) -> None:
    delivery = await service.delivery()
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    await db.execute("UPDATE delivery SET handled_at = now(), verdict = 'ignored', tries = 3")
    await db.close()
    with redis.Redis.from_url(service.settings.redis_url) as queue:
        before = queue.llen("rq:queue:tasks")
        answer = await service.local.post(f"/deliveries/{delivery}/replay")
        after = queue.llen("rq:queue:tasks")

    told = answer.json()
    assert (answer.status_code, told["handled_at"], told["verdict"], told["tries"]) == (200, None, None, 0)
    assert after == before + 1
    assert "body" not in told
    assert not [name for name in told["headers"] if "signature" in name or "token" in name]


async def test_deliveries_are_for_admins(service: Service) -> None:
    member = {"Authorization": f"Bearer {await service.token()}"}

    answers = [await service.web.get("/deliveries", headers=headers) for headers in ({}, member)]
    admin = await service.local.get("/deliveries")
    none = await service.local.post("/deliveries/9223372036854775807/replay")

    assert [each.status_code for each in answers] == [401, 403]
    assert (admin.json(), none.status_code) == ({"items": [], "next": None}, 404)
