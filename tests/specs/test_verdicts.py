"""What is known of two commits is read from all their comparisons: one of each target, all rows counted."""

import math

import pytest
import sqlalchemy as sa

from app.db.queries import compared
from app.db.tables import comparison_row, job, pipeline
from app.history.verdict import Verdict
from app.reporting import verdict_words
from app.results import verdicts
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from tests.compared import BASE, WORSE, compare, row
from tests.specs.world import MAINTAINER, SECRET

A = "a" * 40


@pytest.fixture
async def jobs(world):
    """Open a pull request that two boards run; give the jobs by board."""
    await world.offer("nucleo", "pi")
    world.repository.grow(BASE)
    pull = Pull(number=7, head=A, branch="topic", author=world.person(MAINTAINER))
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))
    return {each.board_type: each.id for each in await world.rows(job)}


async def read(world, head=A, base=BASE):
    async with world.deps.begin() as db:
        repository_id = await db.scalar(sa.select(pipeline.c.repository_id).limit(1))
        return await verdicts.of_commits(db, repository_id, base, head)


async def test_two_commits_that_were_never_compared_have_an_empty_view(world, jobs):
    found = await read(world)

    assert (found.verdict, found.targets, found.base, found.head) == (None, (), BASE, A)


async def test_targets_stand_together_with_their_rows_counts_and_mean(world, jobs):
    await compare(world.deps, jobs["pi"], [row("same", Verdict.UNCHANGED, change=0.0, low=-0.01, high=0.01)])
    slower = row("draw", **WORSE, base_values=[10.0, 12.0, 11.0], head_values=[11.0, 13.0, 12.0])
    await compare(world.deps, jobs["nucleo"], [slower, row("new", Verdict.NEW, base_values=[])])

    found = await read(world)
    assert found.verdict is Verdict.REGRESSED
    assert found.counts == {Verdict.REGRESSED: 1, Verdict.UNCHANGED: 1, Verdict.NEW: 1}
    assert found.ratio == pytest.approx(math.sqrt(1.049))
    assert [each.board_type for each in found.targets] == ["nucleo", "pi"]
    first = found.targets[0].rows[0]
    assert (first.base, first.head, first.pairs) == (11.0, 12.0, 3)
    assert verdict_words.headline(found) == "1 regressed, 1 unchanged, 1 new"


async def test_the_newest_judged_comparison_of_a_target_counts_and_one_by_turns_before_one_apart(world, jobs):
    await compare(world.deps, jobs["pi"], [row(verdict=Verdict.UNCHANGED)])
    newest = await compare(world.deps, jobs["pi"], [row(**WORSE)])
    await compare(world.deps, jobs["pi"], [], judged_at=None, is_over=False)
    await compare(world.deps, jobs["pi"], [row(verdict=Verdict.ONCE)], kind="apart")

    found = await read(world)
    assert [each.comparison_id for each in found.targets] == [newest]


async def test_what_a_retry_replaced_is_not_shown(world, jobs):
    await compare(world.deps, jobs["pi"], [row(**WORSE)])
    async with world.deps.begin() as db:
        await db.execute(sa.update(job).where(job.c.id == jobs["pi"]).values(replaced=True))

    assert (await read(world)).targets == ()


async def test_rows_beyond_the_limit_are_counted_and_what_fails_is_listed_first(world, jobs):
    sure = {"change": 0.5, "low": 0.499, "high": 0.501}
    rows = [row(f"worse {index:04}", **sure) for index in range(compared.MOST_ROWS + 50)]
    rows += [row("same", Verdict.UNCHANGED, change=0.0, low=-0.01, high=0.01), row("fails", **WORSE, fails=True)]
    await compare(world.deps, jobs["pi"], rows)

    found = (await read(world)).targets[0]
    assert found.fails
    assert (len(found.rows), found.left_out, found.in_mean) == (compared.MOST_ROWS, 52, len(rows))
    assert found.counts == {Verdict.REGRESSED: len(rows) - 1, Verdict.UNCHANGED: 1}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
async def test_numbers_that_json_does_not_know_are_no_numbers(world, jobs, number):
    given = {"change": number, "low": number, "high": number, "p": number}
    await compare(world.deps, jobs["pi"], [row(**given, base_values=[number, 1.0], head_values=[number])])

    found = await read(world)
    assert found.ratio is None
    first = found.targets[0].rows[0]
    assert (first.change, first.low, first.high, first.p, first.base, first.head) == (None, None, None, None, 1.0, None)


async def test_states_without_a_baseline_have_no_change(world, jobs):
    states = (Verdict.NO_BASELINE, Verdict.NEW, Verdict.REMOVED, Verdict.FAILED, Verdict.SKIPPED)
    await compare(world.deps, jobs["pi"], [row(each.value, each, change=0.5, low=0.4, high=0.6) for each in states])

    found = await read(world)
    assert found.in_mean == 0
    assert {verdict_words.change(each) for each in found.targets[0].rows} == {""}


async def test_the_same_firmware_is_known_by_its_hash(world, jobs):
    await compare(world.deps, jobs["pi"], [], base_binary="f" * 64, head_binary="f" * 64)

    assert (await read(world)).targets[0].same_binary


async def test_values_of_pairs_come_only_where_they_are_asked_for(world, jobs):
    await compare(world.deps, jobs["pi"], [row(**WORSE, base_values=[1.0, 2.0], head_values=[3.0, 4.0])])

    async with world.deps.begin() as db:
        repository_id = await db.scalar(sa.select(pipeline.c.repository_id).limit(1))
        found = await verdicts.of_commits(db, repository_id, BASE, A, with_values=True)
        assert await db.scalar(sa.select(sa.func.count()).select_from(comparison_row)) == 1
    assert found.targets[0].rows[0].head_values == (3.0, 4.0)
    assert (await read(world)).targets[0].rows[0].head_values == ()
