"""What a repository shows when nothing could be measured: pending, unless its rules choose success."""

import pytest

from app.db.tables import repository
from app.reporting import statuses as sender
from app.states import JobState
from tests.specs.ruling import A, B, push, rules

AWAY = "board away: 'nucleo' was not to be had for 24 hours; at last it was offline"
SUCCESS = '[defaults]\nskipped = "success"\n'


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


async def skipped(world, commit=A, *, forge="github", reason=AWAY, **more):
    await world.receive(push(world, commit, forge=forge, **more))
    await world.move_all(commit, JobState.SKIPPED, reason=reason)
    await sender.send_due(world.deps)


@pytest.mark.parametrize(("text", "shown"), [("", "pending"), (SUCCESS, "success")])
async def test_a_repository_chooses_what_a_board_that_was_away_shows(world, text, shown):
    rules(world, text)
    await skipped(world)

    assert (world.shown(A).state, world.shown(A).description) == (shown, f"Nothing was measured: {AWAY}")


async def test_on_gitlab_too(world):
    rules(world, SUCCESS)
    await skipped(world, forge="gitlab")

    assert world.shown(A).state == "success"


async def test_rules_that_are_kept_on_the_service_may_choose_it(world):
    async with world.deps.begin() as db:
        await db.execute(repository.update().values(policy=SUCCESS))
    await skipped(world)

    assert world.shown(A).state == "success"


async def test_a_target_of_its_own_is_green_only_for_a_board_that_was_away(world):
    rules(world, SUCCESS + '[[on]]\nevent = "push"\nstatus = "per_target"')
    await skipped(world, A)
    await skipped(world, B, reason="group 'smoke' did not pass")

    assert world.shown(A, "rigline/run/nucleo/fast").state == "success"
    assert world.shown(B, "rigline/run/nucleo/fast").state == "pending"
