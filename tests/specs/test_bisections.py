"""The search for the commit that shifted a level: which commits are tried, what ends it, and what it says."""

import pytest
import sqlalchemy as sa

from app.db import tables
from app.db.queries import bisections, comparisons
from app.handlers import backfill, bisection
from app.handlers.bisection import Question
from app.history.verdict import Verdict
from app.states import JobState
from builders.protocol import Phase
from tests.specs.test_rules import admin_token

LINE = [f"{number:040x}" for number in range(1, 33)]
GOOD = "9" * 40
ABOUT = {"benchmark": "boot", "metric": "time", "board_type": "nucleo", "configuration": "fast"}
CHANGES = {Verdict.REGRESSED: 0.2, Verdict.IMPROVED: -0.2}


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    async with world.deps.begin() as db:
        await db.execute(sa.update(tables.configuration).values(compares=True))
    for number, commit in enumerate(LINE):
        world.repository.grow(commit, LINE[number - 1] if number else GOOD)
    return world


@pytest.fixture
async def search(world):
    ids = {}
    async with world.deps.begin() as db:
        for name in ("repository", "builder", "board"):
            ids[name] = await db.scalar(sa.select(sa.func.min(world.tables.__dict__[name].c.id)))
    return Search(world, ids)


class Search:
    """A bisection whose comparisons a test answers."""

    def __init__(self, world, ids):
        self.world, self.ids, self.id, self.tried = world, ids, 0, []

    async def begin(self, commits=tuple(LINE), **more):
        question = Question(repository_id=self.ids["repository"], good=GOOD, commits=commits, **{**ABOUT, **more})
        self.id = await bisection.begin(self.world.deps, question, actor="ada")

    async def go(self, answers):
        """Go round until it has ended; `answers` says for a commit's place a verdict, or how its job ended."""
        for _ in range(100):
            await bisection.advance(self.world.deps)
            found = await self.read()
            if found["state"] != "running":
                return found
            (step,) = [each for each in await self.steps() if each["tried"] is None]
            await self.answer(step, answers(step["place"]))
        raise AssertionError("it never ends")

    async def answer(self, step, answer):
        self.tried.append(step["place"])
        world, commit = self.world, LINE[step["place"]]
        (job,) = [each for each in await self.jobs() if each.pipeline_id == step["pipeline_id"]]
        states = [JobState.LEASED, JobState.RUNNING, answer if isinstance(answer, JobState) else JobState.PASSED]
        await world.move_all(commit, *states)
        if not isinstance(answer, JobState):
            await self.compared(job, commit, answer)

    async def compared(self, job, commit, verdict):
        about = {
            "repository_id": self.ids["repository"],
            "pipeline_id": job.pipeline_id,
            "job_id": job.id,
            "base": GOOD,
            "head": commit,
        }
        about |= {"board_type": "nucleo", "configuration": "fast", "kind": "interleaved", "is_over": True}
        async with self.world.deps.begin() as db:
            attempt = await db.scalar(
                sa.insert(tables.attempt)
                .values(
                    job_id=job.id,
                    epoch=1,
                    builder_id=self.ids["builder"],
                    board_id=self.ids["board"],
                    claim_id=sa.func.gen_random_uuid(),
                    lease_until=sa.func.now(),
                    phase=Phase.RUN,
                    outcome="passed",
                    ended_at=sa.func.now(),
                )
                .returning(tables.attempt.c.id)
            )
            row = {"identity": "boot", "benchmark": "boot", "metric": "time", "unit": "s", "better": "lower"}
            row |= {"base_values": [1.0], "head_values": [1.0], "verdict": verdict, "change": CHANGES.get(verdict, 0.0)}
            rows = [] if verdict is None else [row | {"params": {}, "version": "", "note": "", "fails": False}]
            await comparisons.save(db, {**about, "attempt_id": attempt}, rows)

    async def jobs(self):
        return await self.world.rows(tables.job)

    async def read(self):
        async with self.world.deps.begin() as db:
            return await bisections.get(db, self.id)

    async def steps(self):
        async with self.world.deps.begin() as db:
            return await bisections.steps(db, self.id)


def since(place, verdict=Verdict.REGRESSED):
    """Answer as if the level had shifted with one commit."""
    return lambda tried: verdict if tried >= place else Verdict.UNCHANGED


@pytest.mark.parametrize("culprit", [0, 1, 15, 16, 30, 31])
async def test_one_of_32_commits_is_found_with_at_most_seven_tries(search, culprit):
    await search.begin()

    found = await search.go(since(culprit))

    assert (found["state"], found["culprit"], found["is_worse"]) == ("found", LINE[culprit], True)
    assert search.tried[0] == 31 and len(search.tried) <= 7


async def test_commits_that_cannot_be_built_are_passed_over(search):
    await search.begin()

    found = await search.go(lambda place: JobState.FAILED if 12 <= place <= 18 else since(20)(place))

    assert (found["state"], found["culprit"]) == ("found", LINE[20])
    assert {each["note"] for each in await search.steps() if each["tried"] == "unknown"} != set()


async def test_what_cannot_be_told_apart_is_left_as_a_range(search):
    await search.begin()

    found = await search.go(lambda place: Verdict.UNDECIDED if place in (19, 20) else since(20)(place))

    assert (found["state"], found["culprit"]) == ("narrowed", None)
    assert all(LINE[place][:10] in found["note"] for place in (19, 20, 21))


async def test_an_improvement_is_searched_for_just_the_same(search):
    await search.begin()

    found = await search.go(since(9, Verdict.IMPROVED))

    assert (found["culprit"], found["is_worse"]) == (LINE[9], False)


async def test_ends_that_do_not_differ_end_the_search_at_once(search):
    await search.begin()

    found = await search.go(lambda place: Verdict.UNCHANGED)

    assert (found["state"], search.tried) == ("not_reproduced", [31])
    assert "do not differ" in found["note"]


async def test_a_lab_in_trouble_is_no_commits_level(search):
    await search.begin()

    found = await search.go(lambda place: JobState.ERRORED if place == 15 else since(3)(place))

    assert found["state"] == "failed" and "errored" in found["note"]


async def test_a_crash_after_any_step_repeats_nothing(search, world):
    await search.begin()
    await bisection.advance(world.deps)
    async with world.deps.begin() as db:  # as if the process had died before it could say which pipeline it opened
        await db.execute(sa.update(tables.bisection_step).values(pipeline_id=None))
    await bisection.advance(world.deps)

    assert len(await world.pipelines()) == 1
    assert (await search.go(since(5)))["culprit"] == LINE[5]


async def test_a_cancelled_search_cancels_what_runs_for_it_and_begins_nothing_more(search, world):
    await search.begin()
    await bisection.advance(world.deps)

    await bisection.stop(world.deps, search.id, actor="ada")
    await bisection.advance(world.deps)

    assert [each.state for each in await search.jobs()] == [JobState.CANCELLED]
    assert (await search.read())["state"] == "cancelled"
    assert len(await search.steps()) == 1


async def test_its_comparisons_are_of_no_branch_and_show_no_status(search, world):
    await search.begin()
    await bisection.advance(world.deps)
    await world.settle()

    (opened,) = await world.pipelines()
    assert (opened.branch, opened.compare_with, world.posted(LINE[31])) == (None, GOOD, [])


async def alert(search, world):
    """Write down that the level shifted somewhere in LINE, as the detector does."""
    async with world.deps.begin() as db:

        async def insert(table, **values):
            made = sa.insert(world.tables.__dict__[table]).values(**values).returning(world.tables.__dict__[table].c.id)
            return await db.scalar(made)

        mine = {"repository_id": search.ids["repository"]}
        ends = [await insert("commit", **mine, sha=commit) for commit in (GOOD, LINE[-1])]
        place = {**ABOUT, "branch": "main", "identity": "boot", "unit": "s", "better": "lower"}
        series = await insert("series", **mine, **place)
        shift = await insert(
            "shift", **mine, branch="main", after_commit_id=ends[0], until_commit_id=ends[1], is_worse=True
        )
        values = {"after_commit_id": ends[0], "until_commit_id": ends[1], "before": 1.0, "after": 1.2, "change": 0.2}
        await insert("change_point", series_id=series, shift_id=shift, is_worse=True, points_after=3, **values)
        return shift


async def test_an_alert_says_all_that_a_search_needs(search, world):
    shift = await alert(search, world)
    headers = {"Authorization": f"Bearer {await admin_token(world)}"}

    begun = await world.http.post("/api/v1/bisections", json={"shift": shift}, headers=headers)
    search.id = begun.json()["id"]
    found = await search.go(since(11))
    page = await world.http.get(f"/github/acme/firmware/alerts/{shift}")

    assert (begun.status_code, begun.json()["commits"], begun.json()["good"]) == (201, 32, GOOD)
    assert found["culprit"] == LINE[11]
    assert f"Search {search.id}: found" in page.text and LINE[11][:7] in page.text
    assert (await world.http.post("/api/v1/bisections", json={"shift": shift})).status_code == 401
    assert (await world.http.post("/api/v1/bisections", json={"shift": 10**6}, headers=headers)).status_code == 404
    asked = {**ABOUT, "repository": "acme/firmware", "good": LINE[5], "bad": LINE[2]}
    refused = await world.http.post("/api/v1/bisections", json=asked, headers=headers)
    assert (refused.status_code, "is not before" in refused.json()["error"]["message"]) == (422, True)


async def test_untested_commits_of_an_alert_are_measured_as_points_of_its_branch(search, world):
    shift = await alert(search, world)

    made = await backfill.fill(world.deps, shift, most=3, actor="ada")
    again = await backfill.fill(world.deps, shift, most=3, actor="ada")

    opened = await world.pipelines()
    assert [each.commit for each in opened] == [LINE[7], LINE[15], LINE[23]]
    assert {(each.branch, each.compare_with) for each in opened} == {("main", None)}
    assert made == again == [each.id for each in opened]
