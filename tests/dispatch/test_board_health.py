"""Boards look after themselves: what a builder's trouble means for its board, and when a board is looked at."""

import asyncio

import httpx2
import pytest
import sqlalchemy as sa

from app.db.models import Health
from app.db.queries import alerts, health
from app.db.tables import attempt, board, builder
from app.dispatch.health import Sign, judged, sign
from app.states import JobState
from builders import protocol
from tests.dispatch.world import FakeBuilder, World, offer

CHECK = protocol.CheckOffer(every_s=86400, limit_s=60)


def checked(name: str, type: str | None = None, devices: list[str] | None = None) -> protocol.BoardOffer:
    """Describe a board that its builder can look at."""
    fast = protocol.ConfigurationOffer(name="fast")
    return protocol.BoardOffer(name=name, type=type or name, configurations=[fast], check=CHECK, devices=devices or [])


async def work(world: World, lab: FakeBuilder, outcome: str = "passed", reason: str = "") -> protocol.Lease:
    """Take the next job, end it, and give its lease; the next check is due at once."""
    lease = await lab.claim()
    assert lease is not None
    assert (await lab.beat(lease)).status_code == 200
    ran = [{"phase": "run", "seconds": 1.0}]
    assert (await lab.finish(lease, outcome, reason=reason, phases=ran)).status_code == 200
    await world.execute(sa.update(board).values(checked_at=sa.text("checked_at - interval '31 s'")))
    return lease


async def is_well(world: World, lab: FakeBuilder) -> None:
    """Let the board of a new builder pass its first check."""
    await world.sweep()
    assert (await work(world, lab)).kind is protocol.Kind.HEALTH


async def of(world: World, name: str) -> tuple[str, int]:
    row = await world.board(name)
    return str(row.health), row.fail_streak


async def told(world: World) -> list[tuple[str, int, bool]]:
    async with world.deps.begin() as db:
        found = await alerts.list_(db, resolved=True)
    return [(each.subject, each.times, each.resolved_at is not None) for each in found if each.kind == health.BOARD_OUT]


async def test_a_new_board_with_a_check_gets_jobs_once_it_passed(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    job_id = await world.queued()

    before = await lab.claim()
    await world.sweep()
    check = await work(world, lab)
    after = await lab.claim()

    assert before is None
    assert (check.kind, check.board, check.source.url, check.source.commit) == ("health", "nucleo", "", "")
    assert await of(world, "nucleo") == ("good", 0)
    assert after is not None and after.job_id == job_id


async def test_a_board_without_a_check_is_used_at_once_and_good_after_its_first_job(world: World) -> None:
    lab = await world.builder()
    await world.sweep()
    await world.queued()

    lease = await work(world, lab)

    assert lease.kind is protocol.Kind.RUN
    assert await of(world, "nucleo") == ("good", 0)


async def test_a_board_without_a_check_in_trouble_once_is_used_on_and_twice_in_a_row_is_out(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo"), offer("other"))
    await world.queued()

    await work(world, lab, "errored", "infra:board no answer")
    once = await of(world, "nucleo")
    await work(world, lab, "errored", "infra:board no answer")
    twice = await of(world, "nucleo")

    assert (once, twice) == (("unknown", 1), ("quarantined", 2))
    assert await lab.claim() is None


async def test_a_job_whose_board_is_in_trouble_goes_to_another_one_of_the_type(world: World) -> None:
    lab = await world.builder("lab", checked("one", "nucleo"), checked("two", "nucleo"))
    await is_well(world, lab)
    await is_well(world, lab)
    job_id = await world.queued()

    first = await work(world, lab, "errored", "infra:board the console is gone")
    await world.sweep()
    check = await work(world, lab, "failed", "health: exit status 1")
    second = await work(world, lab)

    assert (first.job_id, first.board, check.board) == (job_id, "one", "one")
    assert check.kind is protocol.Kind.HEALTH
    assert (second.job_id, second.board) == (job_id, "two")
    assert await of(world, "one") == ("quarantined", 2)
    assert await world.states(job_id) == ["passed"]


async def test_a_check_that_fails_twice_takes_the_board_out_and_the_owner_hears_of_it_once(world: World) -> None:
    lab = await world.builder("shelf", checked("nucleo"))
    job_id = await world.queued()

    await world.sweep()
    await work(world, lab, "failed", "health: exit status 3")
    bad = await of(world, "nucleo")
    await world.sweep()
    await work(world, lab, "timed_out", "limit: the check took longer than 60 s")
    out = await of(world, "nucleo")
    await world.sweep()
    await world.sweep()

    async with httpx2.AsyncClient(base_url=world.address) as anybody:
        counted = (await anybody.get("/metrics")).text

    assert (bad, out) == (("bad", 1), ("quarantined", 2))
    assert await lab.claim() is None
    assert 'rigline_boards_quarantined_total{builder="shelf"} 1.0' in counted
    assert await world.states(job_id) == ["queued"]
    assert await told(world) == [("board nucleo of builder shelf", 1, False)]
    assert (await world.board("nucleo")).health_reason.endswith("its check: limit: the check took longer than 60 s")


async def test_a_check_that_passes_between_two_troubles_begins_the_count_anew(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))

    found = []
    for outcome in ("failed", "passed", "failed", "passed"):
        await world.execute(sa.update(board).values(checked_at=sa.text("now() - interval '2 days'")))
        await world.sweep()
        await work(world, lab, outcome)
        found.append(await of(world, "nucleo"))

    assert found == [("bad", 1), ("good", 0), ("bad", 1), ("good", 0)]


async def test_a_lost_builders_board_is_in_doubt_until_its_check_passes(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    await is_well(world, lab)
    lease = await world.running(lab)
    await world.age_attempt(lease.attempt_id, 46)

    await world.sweep()
    doubtful = await of(world, "nucleo")
    await world.execute(sa.update(board).values(reusable_at=None))
    await world.sweep()
    check = await work(world, lab)
    job = await lab.claim()

    assert doubtful == ("unknown", 0)
    assert check.kind is protocol.Kind.HEALTH
    assert job is not None and job.job_id == lease.job_id


async def test_a_board_whose_builder_was_stopped_in_a_job_is_in_doubt_and_in_no_trouble(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    await is_well(world, lab)
    await world.queued()

    await work(world, lab, "errored", "infra:agent the builder was stopped")

    assert await of(world, "nucleo") == ("unknown", 0)


async def test_what_ended_before_the_board_was_touched_says_nothing_of_it(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)

    await lab.finish(lease, "failed", reason="build: exit status 2", phases=[{"phase": "build", "seconds": 1.0}])

    assert await of(world, "nucleo") == ("unknown", 0)


async def test_a_good_board_is_checked_as_often_as_its_builder_says_and_not_twice_at_once(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    await is_well(world, lab)

    await world.sweep()
    young = await lab.claim()
    await world.execute(sa.update(board).values(checked_at=sa.text("now() - interval '25 hours'")))
    await asyncio.gather(world.sweep(), world.sweep())
    old, second = await lab.claim(), await lab.claim()

    assert young is None
    assert old is not None and old.kind is protocol.Kind.HEALTH
    assert second is None


@pytest.mark.parametrize("why", ["away", "paused", "held", "maintenance", "not offered"])
async def test_nobody_is_asked_for_a_check_of_a_board_that_is_not_to_be_had(world: World, why: str) -> None:
    await world.builder("lab", checked("nucleo"))
    scenes = {
        "away": sa.update(builder).values(seen_at=sa.text("now() - interval '91 s'")),
        "paused": sa.update(builder).values(state="paused"),
        "held": sa.update(board).values(held_until=sa.text("now() + interval '1 h'")),
        "maintenance": sa.update(board).values(health=Health.MAINTENANCE),
        "not offered": sa.update(board).values(offered=False),
    }

    await world.execute(scenes[why])
    await world.sweep()

    async with world.deps.begin() as db:
        assert await health.checks(db, (await world.board("nucleo")).id) == []


async def test_a_check_waits_for_the_job_on_its_board_and_goes_before_all_others(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    await is_well(world, lab)
    running = await world.running(lab)
    await world.queued()
    await world.execute(sa.update(board).values(checked_at=sa.text("now() - interval '2 days'")))

    await world.sweep()
    meanwhile = await lab.claim()
    await lab.finish(running)
    following = await lab.claim()

    assert meanwhile is None
    assert following is not None and following.kind is protocol.Kind.HEALTH


async def test_a_check_is_of_exactly_its_board_also_if_another_builder_has_one_of_that_name(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    other = await world.builder("other", checked("nucleo"))
    await world.execute(sa.update(board).where(board.c.builder_id == other.id).values(health=Health.MAINTENANCE))

    await world.sweep()

    assert await other.claim() is None
    assert await lab.claim() is not None


async def test_two_builders_that_name_one_device_are_told_apart(world: World) -> None:
    adapter = ["usb-FTDI_UART_A50285BI-if00-port0"]
    lab = await world.builder("lab", checked("nucleo", devices=adapter))
    other = await world.builder("other", offer("pi"))

    refused = await other.hello([checked("stolen", devices=[*adapter, "usb-another"])])
    again = await lab.hello([checked("renamed", devices=adapter)])
    await lab.hello([])
    moved = await other.hello([checked("moved", devices=adapter)])

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "board_in_use")
    assert "'nucleo' of builder 'lab'" in refused.json()["error"]["message"]
    assert (again.status_code, moved.status_code) == (200, 200)
    assert (await world.board("pi")).offered is False


async def test_a_refused_registration_changes_nothing(world: World) -> None:
    await world.builder("lab", checked("nucleo", devices=["usb-1"]))
    other = await world.builder("other", offer("pi"))

    refused = await other.hello([offer("new"), checked("stolen", devices=["usb-1"])])

    async with world.deps.begin() as db:
        mine = list(await db.scalars(sa.select(board.c.name).where(board.c.builder_id == other.id)))
    assert (refused.status_code, mine) == (409, ["pi"])
    assert (await world.board("pi")).offered


async def test_the_sweep_does_not_try_a_check_again_whose_builder_was_lost(world: World) -> None:
    lab = await world.builder("lab", checked("nucleo"))
    await world.sweep()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)
    await world.age_attempt(lease.attempt_id, 46)

    await world.sweep()

    assert await world.states(lease.job_id) == ["errored"]
    assert (await of(world, "nucleo"))[0] == "unknown"
    async with world.deps.begin() as db:
        assert await db.scalar(sa.select(sa.func.count()).select_from(attempt)) == 1


@pytest.mark.parametrize("decided", [Health.QUARANTINED, Health.MAINTENANCE])
@pytest.mark.parametrize("found", list(Sign))
def test_what_a_person_has_to_decide_no_job_changes(decided: Health, found: Sign) -> None:
    assert judged(decided, 1, found, is_check=True, has_check=True) == (decided, 1)


def test_no_end_of_a_check_is_taken_for_a_good_board_but_passed() -> None:
    good = [each for each in JobState if sign(each, "", is_check=True, ran=True) is Sign.WELL]

    assert good == [JobState.PASSED]
