"""Webhooks that we make, whether each side reaches the other, and names that a repository left."""

from contextlib import asynccontextmanager

import httpx2
import pytest
import sqlalchemy as sa

from app.db.tables import audit, repository, webhook_secret
from app.main import create_app
from integrations.fake import deliveries, upkeep
from tests.specs.serving import serving
from tests.specs.world import MAINTAINER, SECRET

A = "a" * 40
both = pytest.mark.parametrize("forge", ["github", "gitlab"])


@asynccontextmanager
async def admin(world):
    """Speak with the service as who may open its socket."""
    app = create_app(world.deps)

    async def local(scope, receive, send):
        await app({**scope, "rigline.local": True}, receive, send)

    async with (
        serving(local) as address,
        httpx2.AsyncClient(base_url=f"{address}/api/v1", trust_env=False) as http,
    ):
        yield http


def hosted(world, forge):
    return world.repository if forge == "github" else world.project


async def ours(world, forge):
    return next(each for each in await world.rows(repository) if each.forge == forge)


def push(world, forge, secret):
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return send(hosted(world, forge), A, secret, sender=world.person(MAINTAINER))


@both
async def test_a_webhook_that_we_made_has_a_secret_that_no_other_repository_knows(world, forge):
    row = await ours(world, forge)
    async with admin(world) as http:
        made = await http.post(f"/repositories/{row.id}/webhook")
    [hook] = hosted(world, forge).hooks.values()
    answers = [(await world.deliver(push(world, forge, each))).status_code for each in (hook.secret, SECRET)]

    assert made.status_code == 201
    assert made.json() == {"id": hook.id, "url": f"https://rigline.example/webhooks/{forge}"}
    assert (await ours(world, forge)).hook_id == hook.id
    assert answers == [202, 401]
    assert hook.secret not in str([tuple(each) for each in await world.rows(webhook_secret)])
    assert "webhook.made" in [each.action for each in await world.rows(audit)]


async def test_a_webhook_gets_the_events_that_we_act_on(world):
    row = await ours(world, "github")
    async with admin(world) as http:
        await http.post(f"/repositories/{row.id}/webhook")
    [hook] = world.repository.hooks.values()

    assert {"push", "pull_request", "issue_comment", "pull_request_review", "merge_group"} <= set(hook.events)


@both
async def test_another_secret_replaces_the_one_before_the_last(world, forge):
    row, known = await ours(world, forge), []
    async with admin(world) as http:
        for _ in range(3):
            await http.post(f"/repositories/{row.id}/webhook")
            known.append(next(iter(hosted(world, forge).hooks.values())).secret)
    answers = [(await world.deliver(push(world, forge, each))).status_code for each in known]

    assert len(hosted(world, forge).hooks) == 1
    assert answers == [401, 202, 202]


async def test_a_webhook_that_the_forge_refuses_leaves_the_secrets_as_they_were(world):
    row = await ours(world, "github")
    world.forges.fail(403, path="/hooks", message="Resource not accessible by personal access token")
    async with admin(world) as http:
        refused = await http.post(f"/repositories/{row.id}/webhook")

    assert refused.status_code == 422
    assert "right to administer" in refused.json()["error"]["message"]
    assert await world.rows(webhook_secret) == []
    assert (await world.deliver(push(world, "github", SECRET))).status_code == 202


async def test_a_webhook_is_made_by_an_admin_alone(world):
    row = await ours(world, "github")
    answer = await world.http.post(f"/api/v1/repositories/{row.id}/webhook")

    assert answer.status_code == 401
    assert world.forges.calls == []


@both
async def test_a_check_says_whether_each_reaches_the_other(world, forge):
    row = await ours(world, forge)
    async with admin(world) as http:
        before = (await http.get(f"/repositories/{row.id}/connection")).json()
        await world.receive(push(world, forge, SECRET))
        after = (await http.get(f"/repositories/{row.id}/connection")).json()

    assert before == {
        "forge": forge,
        "full_name": row.full_name,
        "url": f"https://rigline.example/webhooks/{forge}",
        "account": "rigline",
        "shows_repository": True,
        "problem": None,
        "hook_id": None,
        "secrets": 0,
        "heard_at": None,
        "lost": 0,
    }
    assert after["heard_at"] is not None


async def test_a_check_says_why_the_forge_shows_nothing(world):
    row = await ours(world, "github")
    world.repository.forbidden = True
    async with admin(world) as http:
        told = (await http.get(f"/repositories/{row.id}/connection")).json()

    assert told["shows_repository"] is False
    assert "403" in told["problem"]


async def test_a_check_notices_that_another_repository_has_the_name_now(world):
    row = await ours(world, "github")
    world.repository.id = 999
    async with admin(world) as http:
        told = (await http.get(f"/repositories/{row.id}/connection")).json()

    assert (told["shows_repository"], "id 999" in told["problem"]) == (False, True)


async def test_the_page_of_forges_shows_who_we_are_and_when_we_heard_of_what(world):
    await world.receive(push(world, "github", SECRET))
    world.forges.fail(500, times=9, path="/gitlab/")
    page = await world.http.get("/forges")
    told = (await world.http.get("/forges.json")).json()

    assert page.status_code == 200
    assert "https://rigline.example/webhooks/github" in page.text
    assert {each["name"]: each["account"] for each in told["forges"]} == {"github": "rigline", "gitlab": None}
    assert "500" in next(each["problem"] for each in told["forges"] if each["name"] == "gitlab")
    assert {each["forge"]: each["heard_at"] is not None for each in told["items"]} == {"github": True, "gitlab": False}


async def test_a_link_to_a_name_that_was_left_leads_to_the_new_one(world):
    world.repository.full_name = "umbrella/board-support"
    changed = upkeep.github_repository(world.repository, "renamed", SECRET, sender=world.person(MAINTAINER))
    await world.receive(changed)
    for twin in ("", ".json"):
        answer = await world.http.get(f"/github/acme/firmware{twin}")
        assert (answer.status_code, answer.headers["location"]) == (302, f"/github/umbrella/board-support{twin}")


async def test_an_installation_is_kept_from_what_the_forge_says_of_a_repository(world):
    async with world.deps.begin() as db:
        await db.execute(sa.update(repository).values(installation_id=5))
    async with admin(world) as http:
        await http.post("/repositories", json={"forge": "github", "full_name": "acme/firmware"})

    assert (await ours(world, "github")).installation_id == 5
