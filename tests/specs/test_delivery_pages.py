"""The page of a delivery says what came, what it led to, and handles it once more for who may."""

import pytest
import sqlalchemy as sa

from app.db.queries import tokens, users
from app.db.tables import audit, delivery
from app.rights import Role
from integrations.fake import deliveries
from tests.specs.world import MAINTAINER, SECRET

A = "a" * 40


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def push(world, **more):
    return deliveries.github_push(world.repository, A, SECRET, sender=world.person(MAINTAINER), **more)


async def token(world, role):
    async with world.deps.begin() as db:
        user_id = await users.add(db, f"a-{role}", password_hash=None, role=role)
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    return text


async def ids(world):
    return [row.id for row in await world.rows(delivery)]


async def press(world, number=None, *, origin=None, token="", **form):
    number = number or (await ids(world))[0]
    headers = ({"Origin": origin} if origin else {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    return await world.http.post(f"/deliveries/{number}/replay", data=form, headers=headers)


async def as_admin(world):
    world.http.headers["Authorization"] = f"Bearer {await token(world, Role.ADMIN)}"


async def test_the_page_says_what_came_and_what_it_led_to_and_no_secret(world):
    await as_admin(world)
    await world.receive(push(world, message="Words of its author"))

    [number] = await ids(world)
    html = await world.http.get(f"/deliveries/{number}")
    data = (await world.http.get(f"/deliveries/{number}.json")).json()

    [pipeline] = await world.pipelines()
    assert html.status_code == 200
    assert f'href="/pipelines/{pipeline.id}"' in html.text
    assert (data["event"], data["facts"]["ref"], data["facts"]["commit"]) == ("Push", "refs/heads/main", A)
    assert [each["id"] for each in data["pipelines"]] == [pipeline.id]
    assert data["verdict"].startswith(f"opened pipeline {pipeline.id}")
    assert set(data["headers"]) == {
        *("x-github-event", "x-github-delivery", "x-github-hook-id", "user-agent", "content-type"),
    }
    for text in (html.text, str(data)):
        assert SECRET not in text and "sha256=" not in text and "Words of its author" not in text


async def test_what_cannot_be_read_or_leads_to_nothing_has_a_page_too(world):
    await as_admin(world)
    await world.receive(deliveries.github("push", {"ref": "<script>alert(1)</script>"}, SECRET))
    await world.receive(deliveries.github("star", {"action": "created"}, SECRET))

    begin = ("cannot be read: ", "nothing to do for this kind of event: star")
    for number, begins in zip(await ids(world), begin, strict=True):
        answer = await world.http.get(f"/deliveries/{number}")
        assert (answer.status_code, begins in answer.text, "<script>alert" in answer.text) == (200, True, False)
    assert (await world.http.get("/deliveries/999999999")).status_code == 404


async def test_the_list_leads_to_each_page(world):
    await as_admin(world)
    await world.receive(push(world))

    [number] = await ids(world)
    assert f'href="/deliveries/{number}"' in (await world.http.get("/deliveries")).text


async def test_an_admins_token_presses_the_button_and_nothing_is_doubled(world):
    await world.receive(push(world))
    text = await token(world, Role.ADMIN)

    answer = await press(world, token=text)
    await world.settle()

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/deliveries/{(await ids(world))[0]}?done=replayed",
    )
    assert len(await world.pipelines()) == 1
    assert (await world.verdicts())[0].startswith("joined pipeline")
    replayed = [row.actor for row in await world.rows(audit) if row.action == "delivery.replayed"]
    assert replayed == ["a-admin"]


async def test_nobody_else_presses_it(world):
    await world.receive(push(world))
    member = await token(world, Role.COMMITTER)
    admin = await token(world, Role.ADMIN)

    assert (await press(world)).status_code == 401
    assert (await press(world, token="rlu_1.nonsense")).status_code == 401
    assert (await press(world, token=member)).status_code == 403
    assert (await press(world, token=admin, origin="https://evil.example")).status_code == 403
    assert (await press(world, token=admin, more="x" * 20_000)).status_code == 413
    assert (await press(world, 999_999_999, token=admin)).status_code == 404
    [row] = await world.rows(delivery)
    assert row.handled_at is not None


async def test_a_replay_after_a_fault_was_mended_does_the_work(world):
    async with world.deps.begin() as db:
        await db.execute(sa.text("UPDATE repository SET removed_at = now()"))
    await world.receive(push(world))
    assert await world.pipelines() == []
    async with world.deps.begin() as db:
        await db.execute(sa.text("UPDATE repository SET removed_at = NULL"))

    await press(world, token=await token(world, Role.ADMIN))
    await world.settle()

    assert [each.commit for each in await world.pipelines()] == [A]
