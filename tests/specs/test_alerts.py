"""Alerts: the same trouble is said once, and people see it on a page."""

import pytest
import sqlalchemy as sa

from app.db.queries import alerts, tokens, users
from app.db.tables import alert, repository
from app.rights import Role
from integrations.fake.world import FakeRepository


async def as_admin(world):
    """Send an admin's token from now on."""
    async with world.deps.begin() as db:
        user_id = await users.add(db, "ada", password_hash=None, role=Role.ADMIN)
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    world.http.headers["Authorization"] = f"Bearer {text}"


async def test_the_same_trouble_said_again_is_counted_and_over_once_resolved(world):
    async with world.deps.begin() as db:
        for text in ("first", "second"):
            await alerts.raise_(db, alerts.STATUS_REFUSED, "acme/firmware", text)
        [found] = await alerts.list_(db)
        assert (found.text, found.times, await alerts.open_count(db)) == ("second", 2, 1)

        assert await alerts.resolve(db, alerts.STATUS_REFUSED, "acme/firmware")
        assert not await alerts.resolve(db, alerts.STATUS_REFUSED, "acme/firmware")
        assert (await alerts.list_(db), await alerts.open_count(db)) == ([], 0)
        await alerts.raise_(db, alerts.STATUS_REFUSED, "acme/firmware", "anew")
        assert [each.times for each in await alerts.list_(db, resolved=True)] == [1, 2]


async def test_an_admin_sees_alerts_on_a_page_with_hostile_text_escaped(world):
    await as_admin(world)
    async with world.deps.begin() as db:
        text = "refused: <script>alert(1)</script>\0"
        await alerts.raise_(db, alerts.STATUS_REFUSED, "acme/firmware", text)
    page = (await world.http.get("/alerts")).text
    data = (await world.http.get("/alerts.json")).json()

    assert "status refused" in page
    assert "<script>alert" not in page
    assert data["items"][0]["subject"] == "acme/firmware"


async def test_a_visitor_sees_alerts_of_boards_and_public_repositories_alone(world):
    await world.serve(FakeRepository(700, "acme/secret", private=True))
    async with world.deps.begin() as db:
        rows = {row["full_name"]: row["id"] for row in (await db.execute(sa.select(repository))).mappings()}
        for name in ("acme/firmware", "acme/secret"):
            await alerts.raise_(db, alerts.STATUS_REFUSED, name, "refused", repository_id=rows[name])
        await alerts.raise_(db, "board_quarantined", "nucleo-1", "3 of 5 runs failed")
        await alerts.raise_(db, alerts.BACKUP_FAILED, "backup", "the disk is full")

    seen = await subjects(world)
    page = (await world.http.get("/alerts")).text
    await as_admin(world)

    assert seen == ["nucleo-1", "acme/firmware"]
    assert "acme/firmware" in page and "acme/secret" not in page and "the disk is full" not in page
    assert await subjects(world) == ["backup", "nucleo-1", "acme/secret", "acme/firmware"]


async def subjects(world):
    return [each["subject"] for each in (await world.http.get("/alerts.json")).json()["items"]]


@pytest.mark.parametrize("path", ["/alerts?resolved=yes", "/alerts?before=1", "/alerts?before=x&resolved=no"])
async def test_the_list_takes_any_question(world, path):
    assert (await world.http.get(path)).status_code == 200


async def test_many_alerts_are_paged(world):
    await as_admin(world)
    async with world.deps.begin() as db:
        for number in range(60):
            await alerts.raise_(db, alerts.STATUS_REFUSED, f"acme/{number}", "refused")
    first = (await world.http.get("/alerts.json")).json()
    second = (await world.http.get(f"/alerts.json?before={first['next']}")).json()

    assert (len(first["items"]), len(second["items"]), second["next"]) == (50, 10, None)
    assert len(await world.rows(alert)) == 60
