"""What a user was told is true: the forge ends with what the rows say, whatever happened on the way."""

import asyncio
import dataclasses
import time

import pytest
import sqlalchemy as sa

from app.db.models import Trigger
from app.db.queries import jobs, pipeline_lists, pipelines, repositories, statuses
from app.db.queries import outbox as outbox_rows
from app.db.tables import alert
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.reporting import outbox, wording
from app.reporting import statuses as sender
from app.reporting.announce import announce, clipped
from app.reporting.wording import Facts
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.world import FakeRepository
from integrations.forge import CommitStatus, StatusState
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
RUN = (JobState.LEASED, JobState.RUNNING)


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def push(world, commit=A, *, forge="github", **more):
    repository = world.repository if forge == "github" else world.project
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return send(repository, commit, SECRET, sender=world.person(MAINTAINER), **more)


def told(world):
    """List the calls that show statuses."""
    return [call for call in world.forges.calls if "/statuses/" in call.path]


async def due_now(world):
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.status).values(next_at=sa.func.now(), claimed_until=None))
    await sender.send_due(world.deps)


def test_the_names_of_the_contexts_are_what_branch_protections_rely_on():
    assert {wording.context(kind) for kind in pipelines.Kind} == {"rigline/build", "rigline/run", "rigline/health"}


@pytest.mark.parametrize(
    ("end", "github", "gitlab", "said"),
    [
        (JobState.PASSED, "success", "success", "1 of 1 passed"),
        (JobState.FAILED, "failure", "failed", "0 of 1 passed, 1 failed: exit 2"),
        (JobState.ERRORED, "error", "failed", "0 of 1 passed, 1 errored: exit 2"),
        (JobState.TIMED_OUT, "error", "failed", "0 of 1 passed, 1 timed out: exit 2"),
        (JobState.CANCELLED, "error", "canceled", "0 of 1 passed, 1 cancelled: exit 2"),
        (JobState.SKIPPED, "pending", "skipped", "Nothing was measured: exit 2"),
    ],
)
async def test_each_end_of_a_job_is_said_in_the_forges_words(world, end, github, gitlab, said):
    for forge, commit in (("github", A), ("gitlab", B)):
        await world.receive(push(world, commit, forge=forge))
        await world.move_all(commit, *RUN, end, reason="exit 2")
        await sender.send_due(world.deps)

    assert (world.shown(A).state, world.shown(A).description) == (github, said)
    assert (world.shown(B).state, world.shown(B).description) == (gitlab, said)


async def test_states_that_follow_each_other_quickly_end_with_the_last_one(world):
    await world.receive(push(world, A))
    await world.receive(push(world, B, forge="gitlab"))
    for commit in (A, B):
        await world.move_all(commit, *RUN, JobState.PASSED)
    await sender.send_due(world.deps)

    assert world.posted(A) == ["pending", "success"]
    assert world.posted(B) == ["pending", "success"]


async def test_nothing_is_sent_twice(world):
    await world.receive(push(world))
    async with world.deps.begin() as db:
        [pipeline] = await pipeline_lists.list_(db)
        await statuses.touch(db, pipeline.id)
    assert await sender.send_due(world.deps) == 1
    assert await sender.send_due(world.deps) == 0

    assert world.posted(A) == ["pending"]


async def test_a_retry_by_a_user_opens_the_status_again(world):
    await world.receive(push(world))
    await world.move_all(A, *RUN, JobState.FAILED)
    await sender.send_due(world.deps)
    async with world.deps.begin() as db:
        [row] = await world.rows(world.tables.job)
        await jobs.retry(db, row.id, actor="olivia")
    await sender.send_due(world.deps)

    assert world.posted(A) == ["pending", "failure", "pending"]


async def test_of_several_jobs_the_description_counts(world):
    await world.offer("pi4", configurations=("one", "two", "three"))
    await world.receive(push(world))
    ends = [JobState.PASSED, JobState.PASSED, JobState.PASSED, JobState.TIMED_OUT]
    async with world.deps.begin() as db:
        for row, end in zip(await world.rows(world.tables.job), ends, strict=True):
            for state in (*RUN, end):
                held = {"epoch": 1} if state in RUN else {}
                await jobs.move(db, row.id, state, reason="no end within 20 s" if state == end else "", **held)
    await sender.send_due(world.deps)

    assert world.shown(A).description.startswith("3 of 4 passed, 1 timed out")


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_three_bad_gateways_and_then_it_is_delivered_once(world, forge):
    world.forges.fail(502, times=3, path="/statuses/")
    await world.receive(push(world, forge=forge))
    for _ in range(4):
        await due_now(world)

    assert world.posted(A) == ["pending"]
    [row] = await world.outbox()
    assert (row.tries, row.error, row.sent_state) == (0, "", "pending")
    assert len([call for call in world.forges.calls if "/statuses/" in call.path]) == 4


async def test_a_failed_try_is_not_repeated_at_once_and_waits_longer_each_time(world):
    world.forges.fail(502, times=99, path="/statuses/")
    await world.receive(push(world))
    assert await sender.send_due(world.deps) == 0

    [row] = await world.outbox()
    assert (row.tries, row.sent_state) == (1, None)
    assert "502" in row.error
    waits = [outbox.backoff(tries) for tries in range(12)]
    assert 0.7 <= waits[0] <= 1.3
    assert all(wait <= 390 for wait in waits)
    assert waits[8] > waits[0] * 10


@pytest.mark.parametrize(("status", "headers"), [(403, {"retry_after": "60"}), (429, {"retry_after": "60"})])
async def test_after_a_rate_limit_github_is_left_alone_and_gitlab_is_served(world, status, headers):
    world.forges.fail(status, path="/statuses/", message="slow down", **headers)
    await world.receive(push(world, A))
    before = len(told(world))

    await world.receive(push(world, B))
    await world.receive(push(world, C, forge="gitlab"))

    assert [call.path for call in told(world)[before:]] == [f"/gitlab/api/v4/projects/77/statuses/{C}"]
    rows = {row.commit: row for row in await world.outbox()}
    async with world.deps.begin() as db:
        now = await db.scalar(sa.select(sa.func.now()))
    assert 50 < (rows[A].next_at - now).total_seconds() <= 60
    assert rows[C].sent_state == "pending"


async def test_an_empty_rate_limit_is_waited_out_until_its_reset(world):
    reset = int(time.time()) + 120
    limits = {"x_ratelimit_limit": "5000", "x_ratelimit_remaining": "0", "x_ratelimit_reset": str(reset)}
    world.forges.fail(403, path="/statuses/", **limits)
    await world.receive(push(world, A))

    [row] = await world.outbox()
    async with world.deps.begin() as db:
        now = await db.scalar(sa.select(sa.func.now()))
    assert 100 < (row.next_at - now).total_seconds() <= 121


async def test_gitlabs_rate_limit_is_waited_out_without_sleeping_in_the_call(world):
    world.forges.fail(429, times=5, path="/statuses/", retry_after="30")
    async with asyncio.timeout(25):
        await world.receive(push(world, A, forge="gitlab"))

    assert len(told(world)) == 1
    [row] = await world.outbox()
    assert "rate limit" in row.error


async def test_the_cap_on_statuses_of_a_commit_closes_the_row(world):
    text = "This SHA and context has reached the maximum number of statuses."
    world.forges.fail(422, times=99, path="/statuses/", message=text)
    await world.receive(push(world))
    for _ in range(5):
        await due_now(world)

    [row] = await world.outbox()
    assert "maximum number of statuses" in row.closed
    assert len(told(world)) == 3


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_status_on_what_is_gone_is_given_up_with_a_reason(world, forge):
    world.forges.fail(404, times=99, path="/statuses/", message="Not Found")
    await world.receive(push(world, forge=forge))
    for _ in range(5):
        await due_now(world)

    [row] = await world.outbox()
    assert "404" in row.closed
    assert len(told(world)) == 3


async def test_a_commit_that_github_does_not_know_yet_gets_its_status_a_moment_later(world):
    world.forges.fail(422, path="/statuses/", message=f"No commit found for SHA: {A}")
    await world.receive(push(world))
    await due_now(world)

    assert world.shown(A).state == "pending"


async def test_a_wrong_token_is_our_fault_and_heals(world):
    world.forges.fail(401, path="/statuses/", message="Bad credentials")
    await world.receive(push(world))
    [row] = await world.outbox()
    assert "RIGLINE_GITHUB_TOKEN" in row.error and row.closed is None

    await due_now(world)
    assert world.shown(A).state == "pending"


async def test_gitlabs_refusal_of_a_repeated_state_is_success(world):
    world.forges.fail(400, path="/statuses/", message="Cannot transition status via :run from :running")
    await world.receive(push(world, forge="gitlab"))

    [row] = await world.outbox()
    assert (row.sent_state, row.closed, row.error) == ("pending", None, "")


async def test_gitlabs_refusal_of_a_name_that_its_own_job_has_is_no_success(world):
    world.forges.fail(400, times=9, path="/statuses/", message="name has already been taken")
    await world.receive(push(world, forge="gitlab"))
    for _ in range(3):
        await due_now(world)

    [row] = await world.outbox()
    assert (row.sent_state, "already been taken" in row.closed) == (None, True)
    assert [each.kind for each in await world.rows(alert)] == ["status_refused"]


async def test_gitlabs_conflict_is_tried_again_at_once(world):
    world.forges.fail(409, times=1, path="/statuses/", message="Conflict")
    await world.receive(push(world, forge="gitlab"))

    assert world.posted(A) == ["pending"]


async def test_gitlab_is_always_told_the_ref_and_later_its_own_pipeline(world):
    await world.receive(push(world, ref="refs/heads/main", forge="gitlab"))
    await world.move_all(A, *RUN)
    await sender.send_due(world.deps)
    await world.move_all(A, JobState.PASSED)
    await sender.send_due(world.deps)

    posts = [call.body for call in world.forges.calls if call.method == "POST"]
    assert [post["ref"] for post in posts] == ["main"] * 3
    assert [post.get("pipeline_id") for post in posts] == [None, 1, 1]
    assert world.posted(A) == ["pending", "running", "success"]


@pytest.mark.parametrize("forbidden", [False, True])
async def test_a_fork_on_gitlab_shows_its_status_in_the_fork_or_else_in_the_project(world, forbidden):
    fork = world.forges.add(FakeRepository(78, "outsider/firmware", forbidden=forbidden))
    pull = Pull(number=3, head=A, branch="faster", author=world.person(OUTSIDER), fork=fork)
    await world.receive(deliveries.gitlab_merge_request(world.project, "open", pull, SECRET))

    shown = world.shown(A)
    if forbidden:
        assert (shown.repository, shown.ref) == (77, "refs/merge-requests/3/head")
    else:
        assert (shown.repository, shown.ref) == (78, "faster")


async def test_a_fork_on_github_shows_its_status_in_the_base_repository(world):
    fork = FakeRepository(78, "outsider/firmware")
    pull = Pull(number=3, head=A, branch="faster", author=world.person(OUTSIDER), fork=fork)
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))

    assert world.shown(A).repository == world.repository.id


async def test_a_dispatch_shows_nothing_on_the_forge(world):
    async with world.deps.begin() as db:
        repository_id = await db.scalar(sa.text("SELECT id FROM repository WHERE forge = 'github'"))
    request = PipelineRequest(
        repository_id=repository_id, commit=A, trigger=Trigger.DISPATCH, trust="dispatched by olivia"
    )
    planned = await open_pipeline(world.deps, request)
    await world.settle()

    assert (planned.created, len(planned.job_ids)) == (True, 1)
    assert world.forges.statuses == []


async def test_a_long_reason_with_emoji_becomes_140_characters(world):
    await world.receive(push(world, A))
    await world.receive(push(world, B, forge="gitlab"))
    for commit in (A, B):
        await world.move_all(commit, *RUN, JobState.FAILED, reason="🔥 build said no " * 40)
    await sender.send_due(world.deps)

    for commit in (A, B):
        description = world.shown(commit).description
        assert len(description) <= 140
        assert description.startswith("0 of 1 passed, 1 failed: 🔥")
        assert description.encode()


async def test_many_senders_at_once_post_each_status_once(world):
    commits = [f"{number:040x}" for number in range(1, 31)]
    for commit in commits:
        await world.deliver(push(world, commit))
    await world.work()

    await asyncio.gather(*(sender.send_due(world.deps) for _ in range(5)))

    assert sorted(each.commit for each in world.forges.statuses) == commits


async def test_a_crowd_of_statuses_opens_few_connections_to_the_database(world):
    for number in range(1, 13):
        await world.deliver(push(world, f"{number:040x}"))
    await world.work()
    await world.deps.engine.dispose()

    await sender.send_due(world.deps)

    assert len(world.forges.statuses) == 12
    assert world.deps.engine.pool.checkedin() <= 2


async def test_what_one_sender_takes_another_leaves_alone_without_waiting(world):
    await world.deliver(push(world))
    await world.work()
    async with world.deps.begin() as one, world.deps.begin() as other:
        assert len(await statuses.claim_due(one, 10)) == 1
        async with asyncio.timeout(30):
            assert await statuses.claim_due(other, 10) == []


async def test_what_a_sender_that_died_held_is_sent_by_another(world):
    await world.deliver(push(world))
    await world.work()
    async with world.deps.begin() as db:
        assert len(await statuses.claim_due(db, 10)) == 1  # and then its process is killed
    assert await sender.send_due(world.deps) == 0

    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.status).values(claimed_until=sa.func.now()))
    await sender.send_due(world.deps)

    assert world.shown(A).state == "pending"


async def test_a_sender_that_comes_back_late_makes_the_newest_state_be_sent_again(world):
    """Its claim ran out, another sent the end, then its old `pending` arrived at the forge."""
    await world.deliver(push(world))
    await world.work()
    async with world.deps.begin() as db:
        [late] = await statuses.claim_due(db, 10)
        await db.execute(sa.update(world.tables.status).values(claimed_until=sa.func.now()))
    await world.move_all(A, *RUN, JobState.PASSED)
    await sender.send_due(world.deps)
    world.forges.statuses.append(dataclasses.replace(world.shown(A), state="pending"))
    async with world.deps.begin() as db:
        await statuses.sent(db, late, "pending", "1 job queued", {})

    await sender.send_due(world.deps)

    assert world.shown(A).state == "success"


async def test_a_change_while_a_status_is_on_its_way_is_sent_afterwards(world):
    await world.deliver(push(world))
    await world.work()
    async with world.deps.begin() as db:
        [claimed] = await statuses.claim_due(db, 10)
    await world.move_all(A, *RUN, JobState.PASSED)
    async with world.deps.begin() as db:
        await statuses.sent(db, claimed, "pending", "1 job queued", {})

    await sender.send_due(world.deps)

    assert world.shown(A).state == "success"


async def test_a_transition_that_is_rolled_back_tells_nobody(world):
    await world.receive(push(world))
    [row] = await world.rows(world.tables.job)
    with pytest.raises(RuntimeError):
        async with world.deps.begin() as db:
            await jobs.move(db, row.id, JobState.CANCELLED, reason="x")
            raise RuntimeError
    assert await sender.send_due(world.deps) == 0

    assert world.posted(A) == ["pending"]


async def test_a_mere_change_of_the_counts_waits_and_an_end_does_not(world):
    await world.offer("pi4", configurations=("one", "two"))
    await world.receive(push(world))
    rows = await world.rows(world.tables.job)
    async with world.deps.begin() as db:
        for row in rows:
            await jobs.move(db, row.id, JobState.LEASED, epoch=1)
    await sender.send_due(world.deps)
    assert world.shown(A).description == "0 of 3 passed, 3 starting"

    async with world.deps.begin() as db:
        for state in (JobState.RUNNING, JobState.PASSED):
            await jobs.move(db, rows[0].id, state)
    await sender.send_due(world.deps)
    assert len(world.posted(A)) == 2

    await sent_ago(world, seconds=11)
    await world.send()
    assert world.shown(A).description == "1 of 3 passed, 2 starting"

    async with world.deps.begin() as db:
        for row in rows[1:]:
            for state in (JobState.RUNNING, JobState.PASSED):
                await jobs.move(db, row.id, state)
    await sender.send_due(world.deps)
    assert world.shown(A).description == "3 of 3 passed"


async def sent_ago(world, seconds):
    async with world.deps.begin() as db:
        then = sa.func.now() - sa.text(f"interval '{seconds} s'")
        await db.execute(sa.update(world.tables.status).values(sent_at=then))


def test_waiting_for_an_absent_board_is_said_without_blame():
    facts = Facts(state=JobState.QUEUED, counts={"queued": 2}, reason="waits for board nucleo, last seen 5 min ago")

    assert wording.description(facts) == "2 jobs queued: waits for board nucleo, last seen 5 min ago"
    assert wording.status_state(JobState.SKIPPED).value == "skipped"


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_of_a_pipeline_has_words_that_fit(state):
    facts = Facts(state=state, counts={each.value: 1000 for each in JobState}, reason="r" * 500, commit="f" * 64)

    assert 0 < len(wording.description(facts)) <= 140


async def test_a_status_that_another_account_of_ours_began_is_reported_and_not_left_open_silently(world):
    await world.receive(push(world, forge="gitlab"))
    world.forges.token_user = "rigline-2"
    await world.move_all(A, *RUN, JobState.PASSED)
    await sender.send_due(world.deps)

    assert [(each.author, each.state) for each in world.forges.statuses] == [
        ("rigline", "pending"),
        ("rigline-2", "success"),
    ]
    [raised] = await world.rows(alert)
    assert (raised.kind, raised.repository_id is not None) == ("status_left_open", True)
    assert A in raised.text and "another account" in raised.text


async def test_the_same_account_raises_no_alert(world):
    await world.receive(push(world, forge="gitlab"))
    await world.move_all(A, *RUN)
    await sender.send_due(world.deps)
    await world.move_all(A, JobState.PASSED)
    await sender.send_due(world.deps)

    assert len({each.row for each in world.forges.statuses}) == 1
    assert await world.rows(alert) == []


async def test_an_end_that_gitlab_took_although_its_answer_was_lost_raises_no_alert_when_it_is_said_again(world):
    """GitLab makes a new row then, and the one we remember as open is over."""
    await world.receive(push(world, forge="gitlab"))
    await world.move_all(A, *RUN, JobState.PASSED)

    async def lose(method, _path):
        if method == "POST":
            raise ConnectionError

    world.forges.gate = lose
    await sender.send_due(world.deps)
    world.forges.gate = None
    await due_now(world)

    assert len({each.row for each in world.forges.statuses}) == 2
    assert world.shown(A).state == "success"
    assert await world.rows(alert) == []


async def test_what_is_refused_for_good_raises_one_alert_for_the_repository(world):
    world.forges.fail(404, times=99, path="/statuses/", message="Not Found")
    for commit in (A, B):
        await world.receive(push(world, commit))
    for _ in range(5):
        await due_now(world)

    [raised] = await world.rows(alert)
    assert (raised.kind, raised.subject, raised.times) == ("status_refused", "acme/firmware", 2)


async def test_the_alert_is_over_when_the_forge_takes_statuses_again(world):
    world.forges.fail(403, times=3, path="/statuses/", message="Resource not accessible")
    await world.receive(push(world))
    for _ in range(3):
        await due_now(world)
    [raised] = await world.rows(alert)
    assert raised.resolved_at is None

    await world.receive(push(world, B))
    [raised] = await world.rows(alert)
    assert raised.resolved_at is not None


async def test_the_cap_on_statuses_is_nobodys_task_and_raises_no_alert(world):
    world.forges.fail(422, times=99, path="/statuses/", message="has reached the maximum number of statuses.")
    await world.receive(push(world))
    for _ in range(5):
        await due_now(world)

    assert await world.rows(alert) == []


async def test_a_rate_limit_of_one_installation_leaves_the_others_alone(world):
    other = world.forges.add(FakeRepository(4299, "other/firmware"))
    async with world.deps.begin() as db:
        await repositories.add(db, "github", await world.deps.forges["github"].repository(other.full_name))
        for number, name in ((1, "acme/firmware"), (2, "other/firmware")):
            mine = world.tables.repository.c.full_name == name
            await db.execute(sa.update(world.tables.repository).where(mine).values(installation_id=number))
    await world.deliver(push(world, A))
    await world.deliver(deliveries.github_push(other, B, SECRET, sender=world.person(MAINTAINER)))
    await world.work()
    async with world.deps.begin() as db:
        claimed = {each.commit: each for each in await statuses.claim_due(db, 10)}
        await outbox_rows.hold(db, claimed[A], 60)

    async with world.deps.begin() as db:
        now = await db.scalar(sa.select(sa.func.now()))
    waits = {row.commit: (row.next_at - now).total_seconds() for row in await world.outbox()}
    assert waits[A] > 50
    assert waits[B] < 1


async def restyle(world, style):
    """Show the pipelines in another style, as a rule of the repository would have them."""
    async with world.deps.begin() as db:
        await db.execute(sa.delete(world.tables.status))
        await db.execute(sa.update(world.tables.pipeline).values(status_style=style))
        for row in (await db.execute(sa.select(world.tables.pipeline))).mappings():
            await announce(db, row, {"ref": "main"})
    await sender.send_due(world.deps)


async def moved(world, row, *states, reason=None):
    async with world.deps.begin() as db:
        for state in states:
            held = {"epoch": 1} if state in RUN else {}
            await jobs.move(db, row.id, state, reason=reason if state not in RUN else None, **held)
    await sender.send_due(world.deps)


async def test_one_status_for_each_target_has_its_own_state_and_page(world):
    await world.offer("pi4", configurations=("fast", "slow"))
    await world.deliver(push(world))
    await world.work()
    await restyle(world, "per_target")
    first, second, third = await world.rows(world.tables.job)
    await moved(world, first, *RUN, JobState.PASSED)
    await moved(world, second, *RUN, JobState.FAILED, reason="exit 2")

    shown = world.forges.latest(A)
    assert {name: (each.state, each.description) for name, each in shown.items()} == {
        "rigline/run/nucleo/fast": ("success", "Passed"),
        "rigline/run/pi4/fast": ("failure", "Failed: exit 2"),
        "rigline/run/pi4/slow": ("pending", "Queued"),
    }
    assert shown["rigline/run/pi4/slow"].target_url == f"https://rigline.example/jobs/{third.id}"


async def test_the_status_of_a_target_follows_the_retry(world):
    await world.deliver(push(world))
    await world.work()
    await restyle(world, "per_target")
    [first] = await world.rows(world.tables.job)
    await moved(world, first, *RUN, JobState.FAILED, reason="exit 2")
    async with world.deps.begin() as db:
        again = await jobs.retry(db, first.id, actor="olivia")
    await sender.send_due(world.deps)

    assert world.posted(A) == ["pending", "failure", "pending"]
    assert world.shown(A, "rigline/run/nucleo/fast").target_url.endswith(f"/jobs/{again}")


async def test_without_a_target_there_is_the_one_status_that_says_why(world):
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.builder).values(state="retired"))
    await world.deliver(push(world))
    await world.work()
    await restyle(world, "per_target")

    assert list(world.forges.latest(A)) == ["rigline/run"]
    assert world.shown(A).description.startswith("Nothing was run: no board is registered")


def test_the_names_of_targets_are_stable_and_fit():
    assert wording.context_of("rigline/run", "nucleo-f4", "fast") == "rigline/run/nucleo-f4/fast"
    assert len(clipped(wording.context_of("rigline/run", "b" * 100, "c" * 100))) == 100
    assert clipped("rigline/run/" + "x" * 100 + "1") != clipped("rigline/run/" + "x" * 100 + "2")


async def test_a_group_that_waits_for_another_is_no_news_on_the_commit(world):
    await world.receive(push(world))
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.job).values(reason="waits for group 'build'"))
        [view] = await pipeline_lists.list_(db)
        await statuses.touch(db, view.id)
    await sent_ago(world, seconds=11)
    await world.send()

    assert world.shown(A).description == "1 job queued"


async def test_the_words_of_waiting_end_when_the_job_starts(world):
    await world.receive(push(world))
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.job).values(reason="waits for board nucleo, which is away"))
    await world.move_all(A, *RUN, JobState.PASSED)
    [row] = await world.rows(world.tables.job)

    assert row.reason == ""


def gitlab_status(world, **more):
    base = {
        "repository": world.project.id,
        "full_name": world.project.full_name,
        "commit": A,
        "context": "rigline/run",
        "state": StatusState.PENDING,
        "description": "1 job queued",
        "target_url": "https://rigline.example/pipelines/1",
        "ref": "main",
    }
    return CommitStatus(**{**base, **more})


async def test_an_address_that_gitlab_would_refuse_is_left_out(world):
    for length in (255, 256):
        address = "https://rigline.example/".ljust(length, "x")
        await world.deps.forges["gitlab"].set_status(gitlab_status(world, target_url=address, context=str(length)))

    assert {name: len(each.target_url) for name, each in world.forges.latest(A).items()} == {"255": 255, "256": 0}


async def test_pending_running_and_success_in_quick_order_are_one_row_of_gitlab(world):
    memory = {}
    for state in (StatusState.PENDING, StatusState.RUNNING, StatusState.RUNNING, StatusState.SUCCESS):
        memory = await world.deps.forges["gitlab"].set_status(gitlab_status(world, state=state, memory=memory))

    assert [(each.row, each.state) for each in world.forges.statuses] == [
        (1, "pending"),
        (1, "running"),
        (1, "success"),
    ]
    assert "left_open" not in memory


async def test_a_refusal_after_bad_gateways_is_the_first_one(world):
    world.forges.fail(502, times=4, path="/statuses/")
    world.forges.fail(403, times=2, path="/statuses/", message="Resource not accessible")
    await world.receive(push(world))
    for _ in range(6):
        await due_now(world)

    [row] = await world.outbox()
    assert (row.closed, row.sent_state) == (None, "pending")
