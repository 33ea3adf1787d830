"""Why a job waits: what people read is what the claim went by."""

import pytest
import sqlalchemy as sa

from app.db.models import BuilderState, Health
from app.db.queries import builders, why
from app.db.queries.placing import GATES, PLACE, Lack
from app.db.tables import board, builder, configuration, job, pipeline
from tests.dispatch.world import FakeBuilder, World, offer


async def reason(world: World, job_id: int) -> str:
    """Read the reason as a program and as a person do; both say the same."""
    async with world.deps.begin() as db:
        found = (await why.waits(db, [job_id], world.settings.caps))[job_id]
    page = await world.app.test_client().get(f"/jobs/{job_id}.json")
    assert (await page.get_json())["job"]["waits"] == found.text
    queue = await world.app.test_client().get("/queue.json")
    [row] = [each for kind in (await queue.get_json())["waiting"].values() for each in kind if each["id"] == job_id]
    assert row["waits"] == found.text
    return found.text


def sql(change: sa.Table, **values: object) -> object:
    return sa.update(change).values(**values)


SCENES = {
    "trusted": [sql(pipeline, trust=None)],
    "wanted": [sql(job, cancel_requested_at=sa.func.now())],
    "type": [sql(board, type="another")],
    "board": [sql(job, board="another")],
    "configuration": [sql(job, configuration="another")],
    "tags": [sql(job, tags=["gpu"])],
    "further": [sql(configuration, further=["another"])],
    "facts": [sql(job, facts={"os": ["bsd"]})],
    "compares": [sql(pipeline, interleaved=True)],
    "isolation": [sql(pipeline, isolation="cgroup")],
    "active": [sql(builder, state=BuilderState.PAUSED)],
    "healthy": [sql(board, health=Health.QUARANTINED)],
    "given": [sql(board, held_until=sa.text("now() + interval '1 hour'"))],
    "checked": [sql(board, check_every_s=60.0)],
    "rested": [sql(board, reusable_at=sa.text("now() + interval '1 min'"))],
}
ELSEWHERE = {  # needs more than one statement to come about: each has a test of its own
    "free": "test_a_busy_board_and_the_jobs_before_it_are_named",
    "alive": "test_a_builder_that_is_offline_makes_a_job_wait_and_no_more",
    "elsewhere": "test_fairness.py",
    "further_there": "test_several_boards.py",
    "further_free": "test_several_boards.py",
    "reserved": "test_several_boards.py",
    "needs": "tests/specs/test_rule_groups.py",
    "fork_owner_cap": "test_fairness.py",
    "pull_request_cap": "test_fairness.py",
    "repository_cap": "test_fairness.py",
}


@pytest.mark.parametrize("name", SCENES)
async def test_what_keeps_a_job_from_a_free_board_is_what_is_said(world: World, name: str) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    for change in SCENES[name]:
        await world.execute(change)

    nothing = await lab.claim()
    async with world.deps.begin() as db:
        found = (await why.waits(db, [job_id], world.settings.caps))[job_id]

    assert (nothing, found.name) == (None, name)
    assert await reason(world, job_id)


def test_every_condition_of_a_claim_has_a_scene():
    """A new condition belongs into SCENES, with the statements that let it fail."""
    known = {each.name for each in (*GATES, *PLACE)}
    assert known - SCENES.keys() - ELSEWHERE.keys() == set()


async def busy(world: World) -> tuple[FakeBuilder, int]:
    lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
    for _ in range(2):
        await world.running(lab)
    return lab, await world.queued()


async def test_a_busy_board_and_the_jobs_before_it_are_named(world: World) -> None:
    lab, job_id = await busy(world)
    await world.queued()

    text = await reason(world, job_id)
    assert await lab.claim() is None

    assert text == (
        "none of 2 boards of type 'nucleo' is free; the last one: 'nucleo' is busy with another job;"
        " 1 more job waits for this type"
    )


async def test_a_job_that_may_start_says_that_it_is_next(world: World) -> None:
    await world.builder()
    job_id = await world.queued()

    assert await reason(world, job_id) == "its turn comes next where 'nucleo' is free"


async def test_a_builder_that_is_offline_makes_a_job_wait_and_no_more(world: World) -> None:
    await world.builder()
    job_id = await world.queued()
    await world.execute(sa.update(builder).values(seen_at=sa.text("now() - interval '1 hour'")))

    await world.sweep()

    assert await reason(world, job_id) == "'nucleo' is away: its builder is offline"
    assert await world.states(job_id) == ["queued"]


async def test_a_job_that_no_registered_board_could_ever_run_ends_at_once_with_that_reason(world: World) -> None:
    await world.builder("plain", offer("a", type="pi", tags=["arm64"]))
    await world.builder("rich", offer("b", type="pi", tags=["arm64", "gpu", "x"]))
    good, bad = await world.queued("pi", tags=["arm64", "gpu"]), await world.queued("pi", tags=["arm64", "npu"])

    await world.sweep()

    assert await world.states(good, bad) == ["queued", "errored"]
    assert (await world.job(bad)).reason == (
        "config: no such board: no registered builder offers 'fast' on 'pi' with the tags ['arm64', 'npu']"
    )


@pytest.mark.parametrize(
    ("is_busy", "state", "begins"), [(True, "timed_out", "queue:"), (False, "skipped", "board away:")]
)
async def test_a_job_over_its_time_in_the_queue_is_red_only_if_the_board_was_there(
    world: World, is_busy: bool, state: str, begins: str
) -> None:
    lab = await world.builder()
    if is_busy:
        await world.running(lab)
    job_id = await world.queued()
    async with world.deps.begin() as db:
        if not is_busy:
            await builders.set_state(db, lab.id, BuilderState.PAUSED, actor="me")
    object.__setattr__(world.deps.settings, "queue_limit_s", 60.0)

    await world.age_job(job_id, 1)
    await world.sweep()
    before = await world.states(job_id)
    await world.age_job(job_id, 60)
    await world.sweep()

    assert (before, await world.states(job_id)) == (["queued"], [state])
    assert (await world.job(job_id)).reason.startswith(begins)


def test_only_a_place_that_cannot_come_about_is_hopeless():
    hopeless = {each.name for each in PLACE if each.lack is Lack.NEVER}
    assert {"type", "board", "configuration", "tags", "facts"} <= hopeless
    assert hopeless.isdisjoint({"alive", "active", "healthy", "free", "rested"})
