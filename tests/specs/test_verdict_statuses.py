"""A status says what came of comparing, and fails only where the rule asks for it and a certain regression stands."""

import pytest
import sqlalchemy as sa

from app.db.tables import job, pipeline, status
from app.history.verdict import Verdict
from app.reporting.announce import judged
from app.reporting.verdict_status import AWAITED
from app.reporting.wording import MAX_DESCRIPTION
from app.states import JobState
from integrations.fake.deliveries import Pull
from tests.compared import BASE, WORSE, compare, row
from tests.specs.ruling import A, rules
from tests.specs.talk import Talk
from tests.specs.world import MAINTAINER

RUN = (JobState.LEASED, JobState.RUNNING)
B = "e" * 40
ALONE = "version = 1\n[defaults]\nfail = 'regression'\n"
PER_TARGET = f"{ALONE}status = 'per_target'\n"
FAILING = row(**WORSE, fails=True)
SAME = row("same", Verdict.UNCHANGED, change=0.0, low=-0.01, high=0.01)
DESCRIPTION = "1 regressed, 1 unchanged; draw time: +4.9 % (+3.1 % … +6.7 %)"


class Judged:
    """A pull request whose jobs passed, and what they said of both commits."""

    def __init__(self, world):
        self.world, self.talk = world, Talk(world, author=MAINTAINER)

    async def open(self, text, *, head=A):
        rules(self.world, text, commit=BASE)
        self.world.repository.grow(head, BASE)
        self.talk.show(head=head)
        await self.talk.open()
        await self.passed(head)

    async def push(self, head):
        before, self.talk.pull = self.talk.pull.head, Pull(**{**vars(self.talk.pull), "head": head})
        self.world.repository.grow(head, before)
        self.talk.show()
        await self.talk.open("synchronize", before=before)
        await self.passed(head)

    async def passed(self, head):
        await self.world.move_all(head, *RUN, JobState.PASSED)
        await self.world.send()

    async def jobs(self, head=A):
        async with self.world.deps.begin() as db:
            asked = sa.select(job.c.board_type, job.c.id).join(pipeline).where(pipeline.c.commit == head)
            return {each[0]: each[1] for each in await db.execute(asked)}

    async def say(self, rows, *, board="nucleo", head=A, **more):
        await compare(self.world.deps, (await self.jobs(head))[board], rows, **more)
        async with self.world.deps.begin() as db:
            for pipeline_id in await db.scalars(sa.select(pipeline.c.id).where(pipeline.c.commit == head)):
                await judged(db, pipeline_id)
            hour = sa.func.make_interval(0, 0, 0, 0, 1)  # words alone rest a while
            await db.execute(sa.update(status).values(sent_at=status.c.sent_at - hour))
        await self.world.send()


@pytest.fixture
async def pull(world):
    await world.offer("nucleo", "pi")
    return Judged(world)


def shown(pull, head=A, context="rigline/run"):
    found = pull.world.shown(head, context)
    return found.state, found.description


async def test_without_the_rule_a_regression_is_said_and_the_status_stays_a_success(pull):
    await pull.open("version = 1\n")
    assert shown(pull) == ("success", "2 of 2 passed")

    await pull.say([FAILING, SAME])
    assert shown(pull) == ("success", DESCRIPTION)


async def test_with_the_rule_a_certain_regression_fails_the_status_and_leads_to_the_numbers(pull):
    await pull.open(ALONE)
    await pull.say([FAILING, SAME])

    assert shown(pull) == ("failure", DESCRIPTION)
    page = pull.world.shown(A).target_url
    assert page == f"https://rigline.example/github/acme/firmware/compare/{BASE}...{A}"


async def test_what_is_not_certain_or_was_measured_apart_fails_nothing(pull):
    await pull.open(ALONE)
    for rows, more in (
        ([FAILING], {"kind": "apart"}),
        ([row(verdict=Verdict.ONCE, change=0.5)], {"kind": "apart"}),
        ([row(**WORSE)], {}),
        ([row(verdict=Verdict.UNDECIDED, **WORSE)], {}),
        ([row(verdict=Verdict.NO_BASELINE)], {}),
        ([row(verdict=Verdict.FAILED)], {}),
    ):
        await pull.say(rows, **more)
        assert shown(pull)[0] == "success"

    await pull.say([FAILING])
    assert shown(pull)[0] == "failure"


async def test_only_the_status_of_the_target_that_regressed_fails(pull):
    await pull.open(PER_TARGET)
    await pull.say([FAILING])
    await pull.say([SAME], board="pi")

    assert shown(pull, context="rigline/run/nucleo/fast")[0] == "failure"
    assert shown(pull, context="rigline/run/pi/fast") == ("success", "unchanged")


async def test_a_job_that_failed_is_said_before_any_comparison(pull):
    rules(pull.world, ALONE, commit=BASE)
    await pull.talk.open()
    await pull.say([FAILING])
    await pull.world.move_all(A, *RUN, JobState.FAILED, reason="exit 2")
    await pull.world.send()

    assert shown(pull)[1].startswith("0 of 2 passed, 2 failed")


async def test_a_status_that_could_fail_is_no_success_before_what_was_measured_is_judged(pull):
    rules(pull.world, ALONE, commit=BASE)
    await pull.talk.open()
    async with pull.world.deps.begin() as db:
        await db.execute(sa.update(pipeline).values(interleaved=True, compare_with=BASE))
        jobs = await pull.jobs()
    first = await compare(pull.world.deps, jobs["nucleo"], [SAME], is_over=False)
    await measured(pull.world, first)
    await pull.passed(A)
    assert shown(pull) == ("pending", AWAITED)

    await pull.say([FAILING])
    assert shown(pull)[0] == "failure"


async def measured(world, comparison_id):
    """Leave a result file behind, as the attempt of a comparison does."""
    tables = world.tables
    async with world.deps.begin() as db:
        mine = await db.scalar(sa.select(tables.comparison.c.attempt_id).where(tables.comparison.c.id == comparison_id))
        file = {"attempt_id": mine, "number": 0, "data": b"", "size": 0, "sha256": "", "note": "", "side": "head"}
        await db.execute(sa.insert(tables.result).values(file))


async def test_a_long_name_leaves_room_for_the_size_within_140_characters(pull):
    await pull.open(ALONE)
    await pull.say([row("draw/" + "x" * 400, **WORSE, fails=True), *[row(f"a{n}", **WORSE) for n in range(200)]])

    description = shown(pull)[1]
    assert len(description) <= MAX_DESCRIPTION
    assert description.startswith("all 201 regressed; ")
    assert "+4.9 %" in description


async def test_who_may_write_accepts_a_regression_and_the_status_succeeds(pull):
    await pull.open(ALONE)
    await pull.say([FAILING, SAME])

    [reply] = await pull.talk.say("/rig accept the new filter costs that much")
    assert reply == (
        "Accepted 1 regression of `aaaaaaaaaa`: `draw time` +4.9 % (+3.1 % … +6.7 %). It fails no status until grown."
    )
    await pull.world.send()
    assert shown(pull) == (
        "success",
        "1 regressed, 1 unchanged (1 accepted); draw time: +4.9 % (+3.1 % … +6.7 %)",
    )
    async with pull.world.deps.begin() as db:
        audit = pull.world.tables.audit
        detail = await db.scalar(sa.select(audit.c.detail).where(audit.c.action == "regression.accepted"))
    assert "draw time +4.9 %" in detail
    assert detail.endswith("the new filter costs that much")


async def test_who_may_not_write_accepts_nothing(pull):
    await pull.open(ALONE)
    await pull.say([FAILING])

    [reply] = await pull.talk.say("/rig accept I want it", by="stranger")
    assert "who may write" in reply
    await pull.world.send()
    assert shown(pull)[0] == "failure"


async def test_an_acceptance_says_why(pull):
    await pull.open(ALONE)
    await pull.say([FAILING])

    for text in ("/rig accept", "/rig accept draw"):
        [reply] = await pull.talk.say(text)
        assert "Say why" in reply


async def test_one_benchmark_is_accepted_by_its_name_and_the_others_still_fail(pull):
    await pull.open(ALONE)
    await pull.say([FAILING, row("two words", **WORSE, fails=True)])

    [reply] = await pull.talk.say('/rig accept "two words" it is needed')
    assert "`two words time`" in reply
    assert "`draw time`" not in reply
    await pull.world.send()
    assert shown(pull)[0] == "failure"

    await pull.talk.say("/rig accept draw it is needed too")
    await pull.world.send()
    assert shown(pull)[0] == "success"


async def test_a_slip_in_a_benchmarks_name_accepts_nothing(pull):
    await pull.open(ALONE)
    await pull.say([row("containers/overlay", **WORSE, fails=True)])

    [reply] = await pull.talk.say("/rig accept containers/overlai it is needed")
    assert "Did you mean `containers/overlay`?" in reply
    assert await pull.world.rows(pull.world.tables.acceptance) == []


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"change": 0.05, "low": 0.04, "high": 0.07}, "success"),
        ({"change": 0.08, "low": 0.07, "high": 0.09}, "failure"),
    ],
)
async def test_what_was_accepted_holds_for_the_next_push_until_it_grows(pull, change, state):
    await pull.open(ALONE)
    await pull.say([FAILING])
    await pull.talk.say("/rig accept it is needed")
    await pull.push(B)
    await pull.say([row(**change, fails=True)], head=B)

    assert shown(pull, B)[0] == state


async def test_an_acceptance_is_of_one_target_and_one_pull_request(pull):
    await pull.open(ALONE)
    await pull.say([FAILING])
    await pull.talk.say("/rig accept it is needed")
    await pull.say([FAILING], board="pi")

    assert shown(pull)[0] == "failure"


async def test_accepting_twice_is_accepting_once(pull):
    await pull.open(ALONE)
    await pull.say([FAILING])
    await pull.talk.say("/rig accept it is needed")

    [reply] = await pull.talk.say("/rig accept it is needed")
    assert reply == "There is nothing to accept."
    assert len(await pull.world.rows(pull.world.tables.acceptance)) == 1
