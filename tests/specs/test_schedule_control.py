"""A person runs a rule of the clock now, and lets one rest."""

from app.db.tables import audit, schedule
from app.handlers import schedule as schedules
from tests.specs.test_presets import admin
from tests.specs.test_schedules import NIGHTLY, make_due, rules, scheduled

A, B = "a" * 40, "b" * 39 + "0"


async def _only(http):
    [row] = (await http.get("/schedules", params={"repository": "acme/firmware"})).json()["items"]
    return row


async def test_a_rule_is_run_now_on_each_of_its_branches_and_shown_on_the_forge(world):
    await world.offer("nucleo")
    rules(world, NIGHTLY)
    world.repository.branches["next"] = B
    await schedules.run_due(world.deps)
    async with admin(world) as http:
        before = await _only(http)
        ran = await http.post(f"/schedules/{before['id']}/run")
        again = await http.post(f"/schedules/{before['id']}/run")
        after = await _only(http)
        shown = await http.get("/statuses", params={"pipeline": ran.json()["pipelines"][0]})
        await world.settle()
        sent = await http.get("/statuses", params={"commit": B})
        gone = await http.post("/schedules/99999/run")

    assert sorted(each[1] for each in await scheduled(world)) == ["main", "next"]
    assert ran.json() == again.json()
    assert (after["next_at"], after["last_at"]) == (before["next_at"], None)
    assert [(each["waits"], each["sent_state"]) for each in shown.json()["items"]] == [(True, None)]
    assert [(each["waits"], each["repository"]) for each in sent.json()["items"]] == [(False, "acme/firmware")]
    assert gone.status_code == 404
    assert [each.actor for each in await world.rows(audit) if each.action == "schedule.run"] == ["local"] * 4


async def test_a_rule_that_rests_is_passed_over_and_goes_on_at_its_next_time(world):
    await world.offer("nucleo")
    rules(world, NIGHTLY)
    await schedules.run_due(world.deps)
    async with admin(world) as http:
        number = (await _only(http))["id"]
        paused = (await http.post(f"/schedules/{number}/pause")).json()
        await make_due(world, minutes=3)
        await schedules.run_due(world.deps)
        resumed = (await http.post(f"/schedules/{number}/resume")).json()
        await schedules.run_due(world.deps)

    assert (paused["paused_by"], bool(paused["paused_at"]), resumed["paused_at"]) == ("local", True, None)
    assert await scheduled(world) == []
    [row] = await world.rows(schedule)
    assert row.next_at.minute == 30
