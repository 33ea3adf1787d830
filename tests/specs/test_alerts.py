"""Alerts: the same trouble is said once, and people see it on a page."""

import pytest

from app.db.queries import alerts
from app.db.tables import alert


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


async def test_people_see_alerts_on_a_page_with_hostile_text_escaped(world):
    async with world.deps.begin() as db:
        text = "refused: <script>alert(1)</script>\0"
        await alerts.raise_(db, alerts.STATUS_REFUSED, "acme/firmware", text)
    page = (await world.http.get("/alerts")).text
    data = (await world.http.get("/alerts.json")).json()

    assert "status refused" in page
    assert "<script>alert" not in page
    assert data["items"][0]["subject"] == "acme/firmware"


@pytest.mark.parametrize("path", ["/alerts?resolved=yes", "/alerts?before=1", "/alerts?before=x&resolved=no"])
async def test_the_list_takes_any_question(world, path):
    assert (await world.http.get(path)).status_code == 200


async def test_many_alerts_are_paged(world):
    async with world.deps.begin() as db:
        for number in range(60):
            await alerts.raise_(db, alerts.STATUS_REFUSED, f"acme/{number}", "refused")
    first = (await world.http.get("/alerts.json")).json()
    second = (await world.http.get(f"/alerts.json?before={first['next']}")).json()

    assert (len(first["items"]), len(second["items"]), second["next"]) == (50, 10, None)
    assert len(await world.rows(alert)) == 60
