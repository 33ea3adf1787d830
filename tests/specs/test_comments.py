"""One comment on each pull request, edited in place: found by people, never a second one, never a command."""

import asyncio
import dataclasses
import re

import pytest
import sqlalchemy as sa

from app.db.models import Trigger
from app.db.queries import conversations, jobs, pipeline_lists, pipelines
from app.db.tables import alert, conversation, pipeline, pull_request
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.reporting import comment_text, comments, wording
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.world import FakeRepository
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B = "a" * 40, "b1" * 20
RUN = (JobState.LEASED, JobState.RUNNING)


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    world.fork = world.forges.add(FakeRepository(4343, "outsider/firmware", forbidden=True))
    return world


def from_fork(world, head=A, action="opened", *, number=7, **more):
    pull = Pull(number=number, head=head, branch="faster", author=world.person(OUTSIDER), fork=world.fork)
    return deliveries.github_pull_request(world.repository, action, pull, SECRET, **more)


def from_branch(world, head=A, action="opened", *, number=7, **more):
    pull = Pull(number=number, head=head, branch="topic", author=world.person(MAINTAINER))
    return deliveries.github_pull_request(world.repository, action, pull, SECRET, **more)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_fork_gets_one_comment_with_the_line_that_approves(world, forge):
    pull = Pull(number=7, head=A, branch="faster", author=world.person(OUTSIDER), fork=world.fork)
    on_gitlab = deliveries.gitlab_merge_request(world.project, "open", pull, SECRET)
    await world.receive(from_fork(world) if forge == "github" else on_gitlab)

    [text] = world.comments(7, world.repository if forge == "github" else world.project)
    assert "awaiting approval" in text
    assert f"`/rig approve {A}`" in text
    assert "https://rigline.example/pipelines/" in text
    assert world.shown(A).state == "pending"


async def test_no_line_of_a_comment_is_a_command(world):
    await world.receive(from_fork(world))

    [text] = world.comments(7)
    assert not [line for line in text.splitlines() if re.match(r"\W{0,6}(/rig|@)", line)]


async def test_what_passed_needs_no_comment_unless_the_rule_wants_one_always(world):
    await world.receive(from_branch(world))
    await world.move_all(A, *RUN, JobState.PASSED)
    await world.send()
    assert world.comments(7) == []

    await restyle(world, "always")
    await world.send()
    [text] = world.comments(7)
    assert "1 of 1 passed" in text


async def test_a_rule_that_wants_no_comment_gets_none(world):
    await world.deliver(from_branch(world))
    await world.work()
    await restyle(world, "none")
    await world.move_all(A, *RUN, JobState.FAILED, reason="exit 2")
    await world.send()

    assert world.comments(7) == []


async def restyle(world, style):
    async with world.deps.begin() as db:
        await db.execute(sa.update(pipeline).values(comment_style=style))
        await conversations.touch_pull_request(db, await db.scalar(sa.select(pipeline.c.repository_id)), 7)


async def test_a_failure_is_said_with_a_table_of_the_targets(world):
    await world.offer("pi4", configurations=("fast", "slow"))
    await world.receive(from_branch(world))
    async with world.deps.begin() as db:
        rows = await world.rows(world.tables.job)
        for row, end in zip(rows, (JobState.PASSED, JobState.FAILED, JobState.SKIPPED), strict=True):
            for state in (*RUN, end):
                held = {"epoch": 1} if state in RUN else {}
                await jobs.move(db, row.id, state, reason="exit 2" if state is end else "", **held)
    await world.send()

    [text] = world.comments(7)
    assert "1 of 3 passed, 1 failed, 1 skipped" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert f"| `nucleo` | `fast` | ✅ [passed](https://rigline.example/jobs/{rows[0].id}) |" in table[2]
    assert "❌ [failed]" in table[3]
    assert table[3].endswith("| `exit 2` |")


async def test_the_comment_is_edited_and_what_changes_nothing_is_not_sent(world):
    await world.receive(from_fork(world))
    await approved(world, A)
    await world.send()
    await world.move_all(A, *RUN, JobState.PASSED)
    await world.send()
    edits = [call for call in world.forges.calls if call.method == "PATCH"]
    async with world.deps.begin() as db:
        await conversations.touch_pull_request(db, await db.scalar(sa.select(pipeline.c.repository_id)), 7)
    await world.send()

    [text] = world.comments(7)
    assert "1 of 1 passed" in text
    assert "approve" not in text
    assert [call for call in world.forges.calls if call.method == "PATCH"] == edits


async def approved(world, commit):
    async with world.deps.begin() as db:
        for view in await pipeline_lists.list_(db, commit=commit):
            await pipelines.trust(db, view.id, "approved by olivia")
            for job_id in await pipelines.jobs_in(db, view.id, [JobState.AWAITING_APPROVAL]):
                await jobs.move(db, job_id, JobState.QUEUED)


async def test_edits_are_seconds_apart_however_fast_things_change(world):
    await world.receive(from_fork(world))
    await approved(world, A)
    await world.move_all(A, *RUN)
    await comments.send_due(world.deps)

    assert [call for call in world.forges.calls if call.method == "PATCH"] == []
    [row] = await world.rows(conversation)
    async with world.deps.begin() as db:
        assert 5 < (row.next_at - await db.scalar(sa.select(sa.func.now()))).total_seconds() <= 10


async def test_fifty_pipelines_on_a_pull_request_make_one_comment(world):
    await world.receive(from_fork(world))
    async with world.deps.begin() as db:
        repository_id = await db.scalar(sa.select(pipeline.c.repository_id))
    for number in range(50):
        request = PipelineRequest(
            repository_id=repository_id,
            commit=f"{number:040x}",
            trigger=Trigger.PULL_REQUEST,
            pull_request=7,
            trust="of a test",
            reports=True,
        )
        await open_pipeline(world.deps, request)
        if number % 10 == 0:
            await world.send()
    await world.send()

    [text] = world.comments(7)
    assert len(text) < 5000
    assert len([call for call in world.forges.calls if call.method == "POST" and call.path.endswith("/comments")]) == 1


async def test_a_deleted_comment_is_written_again_once(world):
    await world.receive(from_fork(world))
    world.repository.comments.clear()
    await approved(world, A)
    await world.send()
    [again] = world.comments(7)
    assert "1 job queued" in again

    world.repository.comments.clear()
    await world.move_all(A, *RUN, JobState.FAILED)
    await world.send()
    await world.receive(from_fork(world, B, "synchronize", before=A))

    assert world.comments(7) == []
    [row] = await world.rows(conversation)
    assert row.closed == conversations.UNWANTED


async def test_a_force_push_marks_the_comment_outdated_and_the_result_goes_to_its_own_commit(world):
    await world.receive(from_branch(world))
    await world.move_all(A, *RUN)
    await restyle(world, "always")
    await world.send()
    async with world.deps.begin() as db:
        await db.execute(sa.update(pull_request).values(head=B))
        await conversations.touch_pull_request(db, await db.scalar(sa.select(pipeline.c.repository_id)), 7)
    await world.move_all(A, JobState.PASSED)
    await world.send()

    [text] = world.comments(7)
    assert f"**Outdated**: the head of this pull request is now `{B[:10]}`" in text
    assert world.shown(A).state == "success"
    assert world.posted(B) == []


async def test_after_a_push_the_comment_is_about_the_new_head_and_names_the_old_one_as_outdated(world):
    await world.receive(from_fork(world))
    await world.receive(from_fork(world, B, "synchronize", before=A))

    [text] = world.comments(7)
    assert f"`/rig approve {B}`" in text
    assert f"approve {A}" not in text
    assert "Earlier commits, outdated" in text
    assert f"- `{A[:10]}`: [cancelled]" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "@org/team look",
        "a | b | c",
        "<img src=x onerror=alert(1)>",
        "`code` **bold** [link](http://169.254.169.254/)",
        "line\n/rig approve " + A,
        "line\r\n/approve\n/label ~bug",
        "\u202egnp.exe \u2066\x1b[31m",
        "</details>",
        "x" * 5000,
    ],
)
async def test_hostile_text_is_nothing_but_text(world, hostile):
    await world.receive(from_branch(world))
    await world.move_all(A, *RUN, JobState.FAILED, reason=hostile[:900])
    await world.send()

    [text] = world.comments(7)
    [row] = [line for line in text.splitlines() if line.startswith("| `nucleo`")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    outside = re.sub(r"`[^`]*`", "", row)
    assert outside == re.sub(r"[^ -~✅❌]", "", outside)
    assert not re.search(r"[@<\[*]", outside.replace("❌ [failed]", ""))
    assert not [line for line in text.splitlines() if line.startswith("/")]
    assert len(text) < 3000


async def test_links_go_to_the_configured_address_whatever_host_was_asked(world):
    answer = await world.deliver(from_fork(world), Host="evil.example")
    assert answer.status_code == 202
    await world.settle()

    [text] = world.comments(7)
    assert "evil.example" not in text
    assert set(re.findall(r"https?://[^/]+", text)) == {"https://rigline.example"}
    assert world.shown(A).target_url.startswith("https://rigline.example/pipelines/")


async def test_a_comment_whose_answer_was_lost_is_found_and_not_written_twice(world):
    await world.deliver(from_fork(world))
    await world.work()
    written = asyncio.Event()

    async def break_off(method, path):
        if method == "POST" and path.endswith("/comments"):
            written.set()
            raise ConnectionError

    world.forges.gate = break_off
    await world.send()
    world.forges.gate = None
    assert written.is_set()
    [row] = await world.rows(conversation)
    assert (row.comment_id, row.tries) == (None, 1)

    await due_now(world)

    assert len(world.comments(7)) == 1
    [row] = await world.rows(conversation)
    assert row.comment_id is not None


async def due_now(world):
    async with world.deps.begin() as db:
        await db.execute(sa.update(conversation).values(next_at=sa.func.now(), claimed_until=None))
    await comments.send_due(world.deps)


async def test_what_a_sender_that_died_held_is_written_by_another(world):
    await world.deliver(from_fork(world))
    await world.work()
    async with world.deps.begin() as db:
        assert len(await conversations.claim_due(db, 10)) == 1  # and then its process is killed
    await world.send()
    assert world.comments(7) == []

    await due_now(world)
    assert len(world.comments(7)) == 1


async def test_many_senders_at_once_write_one_comment(world):
    for number in range(7, 17):
        await world.deliver(from_fork(world, f"{number:040x}", number=number))
    await world.work()

    await asyncio.gather(*(comments.send_due(world.deps) for _ in range(5)))

    assert sorted(each.number for each in world.repository.comments.values()) == list(range(7, 17))


async def test_a_strangers_comment_with_a_guessed_mark_is_not_taken_for_ours(world):
    guess = comment_text.mark("a guess", world.repository.id, 7)
    world.repository.write(7, f"{guess}\n### Rigline: all passed")
    await world.receive(from_fork(world))

    assert len(world.comments(7)) == 2
    assert world.comments(7)[0].endswith("all passed")


@pytest.mark.parametrize(("status", "calls"), [(403, 3), (404, 3)])
async def test_a_refused_comment_is_given_up_with_an_alert(world, status, calls):
    world.forges.fail(status, times=99, path="/comments", message="Resource not accessible")
    await world.receive(from_fork(world))
    for _ in range(5):
        await due_now(world)

    [row] = await world.rows(conversation)
    assert str(status) in row.closed
    assert len([call for call in world.forges.calls if "/comments" in call.path]) == calls
    [raised] = await world.rows(alert)
    assert (raised.kind, raised.subject) == ("comment_refused", "acme/firmware#7")


async def test_a_rate_limit_holds_comments_and_statuses_of_the_same_forge(world):
    world.forges.fail(403, path="/comments", retry_after="60", message="slow down")
    await world.receive(from_fork(world))
    before = len(world.forges.calls)
    await world.receive(from_fork(world, B, number=8))

    assert world.forges.calls[before:] == []
    async with world.deps.begin() as db:
        now = await db.scalar(sa.select(sa.func.now()))
    rows = [*await world.rows(conversation), *await world.outbox()]
    waiting = [row for row in rows if row.sent_version < row.version]
    assert all(40 < (row.next_at - now).total_seconds() <= 60 for row in waiting[:1])


async def test_a_merge_request_of_gitlab_has_one_note(world):
    fork = world.forges.add(FakeRepository(78, "outsider/firmware-2"))
    pull = Pull(number=3, head=A, branch="faster", author=world.person(OUTSIDER), fork=fork)
    await world.receive(deliveries.gitlab_merge_request(world.project, "open", pull, SECRET))
    moved = dataclasses.replace(pull, head=B)
    await world.receive(deliveries.gitlab_merge_request(world.project, "update", moved, SECRET, oldrev=A))

    [note] = world.comments(3, world.project)
    assert f"`/rig approve {B}`" in note


async def test_where_gitlab_takes_no_status_the_note_says_it_all(world):
    fork = world.forges.add(FakeRepository(78, "outsider/firmware-2", forbidden=True))
    world.forges.fail(404, times=99, path="/projects/77/statuses/", message="404 References for commit Not Found")
    pull = Pull(number=3, head=A, branch="topic", author=world.person(MAINTAINER), fork=fork)
    sender = world.person(MAINTAINER)
    await world.receive(deliveries.gitlab_merge_request(world.project, "open", pull, SECRET, sender=sender))
    for _ in range(3):
        async with world.deps.begin() as db:
            await db.execute(sa.update(world.tables.status).values(next_at=sa.func.now(), claimed_until=None))
        await world.send()
    [note] = world.comments(3, world.project)
    assert "1 job queued" in note

    calls = len([call for call in world.forges.calls if "/statuses/" in call.path])
    await world.move_all(A, *RUN, JobState.PASSED)
    await world.send()

    [note] = world.comments(3, world.project)
    assert "1 of 1 passed" in note
    assert len([call for call in world.forges.calls if "/statuses/" in call.path]) == calls


def test_a_text_of_anybody_is_one_line_without_hidden_characters():
    assert wording.plain("a\nb\t\u202ec\x00\ud800 \u200b d") == "a b c d"
    assert wording.code("`@all` | x") == "`'@all' \\| x`"


async def test_the_pipelines_of_several_rules_have_a_table_each_and_a_repeated_one_has_the_newest(world):
    await world.deliver(from_branch(world))
    await world.work()
    async with world.deps.begin() as db:
        repository_id = await db.scalar(sa.select(pipeline.c.repository_id))
    asked = [("nightly", Trigger.PULL_REQUEST), (None, Trigger.COMMAND), ("nightly", Trigger.PULL_REQUEST)]
    for rule, trigger in asked:
        request = PipelineRequest(
            repository_id=repository_id,
            commit=A,
            trigger=trigger,
            pull_request=7,
            trust="of a test",
            reports=True,
            rule=rule,
        )
        await open_pipeline(world.deps, request)
    await world.send()

    [text] = world.comments(7)
    headings = re.findall(r"^\*\*(.+?)\*\* · \[queued\]\(https://rigline.example/pipelines/(\d+)\)", text, re.MULTILINE)
    assert [name for name, _ in headings][:2] == ["Rule `nightly`", "Run, asked for"]
    assert len({number for _, number in headings}) == len(headings) == 3
    assert text.count("| Board | Configuration |") == 3


async def test_an_outdated_comment_gives_no_line_that_approves(world):
    await world.receive(from_fork(world))
    async with world.deps.begin() as db:
        await db.execute(sa.update(pull_request).values(head=B))
        await conversations.touch_pull_request(db, await db.scalar(sa.select(pipeline.c.repository_id)), 7)
    await world.send()

    [text] = world.comments(7)
    assert "**Outdated**" in text
    assert "approve" not in text


async def test_a_head_that_nothing_is_asked_for_makes_the_comment_outdated(world):
    await world.receive(from_branch(world))
    await world.move_all(A, *RUN, JobState.FAILED, reason="exit 2")
    await world.send()
    draft = Pull(number=7, head=B, branch="topic", author=world.person(MAINTAINER), draft=True)
    await world.receive(deliveries.github_pull_request(world.repository, "synchronize", draft, SECRET, before=A))

    [text] = world.comments(7)
    assert "1 failed" in text
    assert f"**Outdated**: the head of this pull request is now `{B[:10]}`" in text
