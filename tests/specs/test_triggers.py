"""What each event leads to, on GitHub and on GitLab."""

import dataclasses

import pytest
import sqlalchemy as sa

from app.db import tables
from app.handlers import HANDLERS
from app.states import JobState
from app.tasks import rounds
from integrations import events
from integrations.fake import deliveries
from integrations.fake.deliveries import ZERO, Pull
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def push(world, commit=A, *, forge="github", **more):
    repository = world.repository if forge == "github" else world.project
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return send(repository, commit, SECRET, sender=world.person(MAINTAINER), **more)


def pull(world, head=A, **more):
    return Pull(**{"number": 5, "head": head, "branch": "faster", "author": world.person(MAINTAINER), **more})


def pulled(world, action, head=A, *, before=None, sender=None, **more):
    made = pull(world, head, **more)
    return deliveries.github_pull_request(world.repository, action, made, SECRET, before=before, sender=sender)


def merge_request(world, action, head=A, *, oldrev=None, changes=None, sender=None, **more):
    made = pull(world, head, **more)
    return deliveries.gitlab_merge_request(
        world.project, action, made, SECRET, oldrev=oldrev, changes=changes, sender=sender
    )


def changed(world, forge, action, head=A, *, before=None, **more):
    """Say on either forge what happened to a pull request, in GitHub's words."""
    if forge == "github":
        return pulled(world, action, head, before=before, **more)
    ready = {"draft": {"previous": not more.get("draft", False), "current": more.get("draft", False)}}
    words = {"opened": "open", "reopened": "reopen", "closed": "merge" if more.pop("merged", False) else "close"}
    changes = ready if action in ("ready_for_review", "converted_to_draft") else None
    return merge_request(world, words.get(action, "update"), head, oldrev=before, changes=changes, **more)


def test_there_is_a_handler_for_every_event_and_for_nothing_else():
    assert set(HANDLERS) == set(events.Event.__args__)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_pushed_branch_is_measured_at_the_commit_after_the_push(world, forge):
    await world.receive(push(world, B, before=A, ref="refs/heads/release/1.x", forge=forge, message="Fix\n\nmore"))

    [pipeline] = await world.pipelines()
    assert (pipeline.commit, pipeline.branch, pipeline.title) == (B, "release/1.x", "Fix")
    assert (pipeline.trust, pipeline.requested_by) == ("pushed to refs/heads/release/1.x", MAINTAINER)
    assert world.shown(B).state == "pending"


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_an_annotated_tag_is_measured_and_shown_at_its_commit_first_of_all(world, forge):
    await world.receive(push(world, A, ref="refs/tags/v1.0", tag_object=D, forge=forge))

    [pipeline] = await world.pipelines()
    assert (pipeline.commit, pipeline.branch) == (A, None)
    assert world.shown(A).state == "pending"
    assert world.posted(D) == []
    [job] = await world.rows(world.tables.job)
    assert job.priority == "release"


async def test_a_pushed_tag_is_written_beside_its_commit_once_and_a_branch_is_not(world):
    await world.receive(push(world, B, ref="refs/heads/main"))
    for _ in range(2):
        await world.receive(push(world, A, ref="refs/tags/v1.0", tag_object=D))

    [noted] = await world.rows(tables.annotation)
    [commit] = [each for each in await world.rows(tables.commit) if each.id == noted.commit_id]
    assert (commit.sha, noted.kind, noted.text, noted.cuts) == (A, "tag", "v1.0", False)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
@pytest.mark.parametrize("ref", ["refs/heads/short", "refs/tags/short"])
async def test_a_deleted_branch_or_tag_takes_its_waiting_jobs_along_and_no_others(world, forge, ref):
    await world.receive(push(world, A, ref=ref, forge=forge))
    await world.receive(push(world, B, ref="refs/heads/main", forge=forge))

    await world.receive(push(world, ZERO, before=A, ref=ref, forge=forge))

    assert await world.job_states(A) == [("cancelled", "the branch or tag was deleted")]
    assert await world.job_states(B) == [("queued", "")]
    assert (await world.verdicts())[-1] == f"deleted {ref}: 1 waiting jobs cancelled"
    assert world.shown(A).state == {"github": "error", "gitlab": "canceled"}[forge]


async def test_a_running_job_outlives_its_branch(world):
    await world.receive(push(world, A, ref="refs/heads/short"))
    await world.move_all(A, JobState.LEASED, JobState.RUNNING)

    await world.receive(push(world, ZERO, before=A, ref="refs/heads/short"))

    assert await world.job_states(A) == [("running", "")]


async def test_every_push_of_a_branch_is_measured_and_a_forced_one_supersedes_the_commit_it_took_away(world):
    for before, commit in ((ZERO, A), (A, B), (B, C)):
        await world.receive(push(world, commit, before=before, forced=commit == C))

    assert [(each.commit, each.state) for each in await world.pipelines()] == [
        (A, "queued"),
        (B, "cancelled"),
        (C, "queued"),
    ]
    assert await world.job_states(B) == [("cancelled", f"superseded by {C}")]


async def test_a_forced_push_to_gitlab_is_known_by_asking_which_commit_came_from_which(world):
    """GitLab's deliveries do not say it. A is the base of B and of C; D follows C."""
    for commit, parents in ((A, []), (B, [A]), (C, [A]), (D, [C])):
        world.project.grow(commit, *parents)
    for before, commit in ((ZERO, A), (A, B), (B, C), (C, D)):
        await world.receive(push(world, commit, before=before, forge="gitlab", ref="refs/heads/topic"))

    assert [(each.commit, each.state) for each in await world.pipelines()] == [
        (A, "queued"),
        (B, "cancelled"),
        (C, "queued"),
        (D, "queued"),
    ]
    assert await world.job_states(B) == [("cancelled", f"superseded by {C}")]
    assert world.shown(B).state == "canceled"


@pytest.mark.parametrize("answer", ["unrelated", "refused"])
async def test_what_gitlab_cannot_compare_is_measured(world, answer):
    await world.receive(push(world, A, forge="gitlab"))
    if answer == "refused":
        world.forges.fail(403, path="/merge_base")
    await world.receive(push(world, B, before=A, forge="gitlab"))

    assert [(each.commit, each.state) for each in await world.pipelines()] == [(A, "queued"), (B, "queued")]
    assert any(call.path.endswith("/merge_base") for call in world.forges.calls)


async def test_while_gitlab_does_not_say_whether_a_push_was_forced_it_is_asked_again(world):
    for commit, parents in ((A, []), (B, [A]), (C, [A])):
        world.project.grow(commit, *parents)
    await world.receive(push(world, B, forge="gitlab"))
    world.forges.fail(502, path="/merge_base")
    await world.receive(push(world, C, before=B, forge="gitlab"))
    assert "waits for the forge" in (await world.verdicts())[-1]

    async with world.deps.begin() as db:
        await db.execute(sa.text("UPDATE delivery SET received_at = now() - interval '1 day'"))
    await rounds.put_unhandled(world.deps)
    await world.settle()
    assert [(each.commit, each.state) for each in await world.pipelines()] == [(B, "cancelled"), (C, "queued")]


async def test_a_forced_push_leaves_alone_what_runs_and_what_another_branch_has(world):
    await world.receive(push(world, A))
    await world.receive(push(world, A, ref="refs/heads/copy"))
    await world.receive(push(world, B, before=A, ref="refs/heads/copy", forced=True))

    assert await world.job_states(A) == [("queued", "")]


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_branch_made_at_a_known_commit_is_not_run_again(world, forge):
    await world.receive(push(world, A, forge=forge))
    await world.receive(push(world, A, ref="refs/heads/copy", forge=forge))

    [pipeline] = await world.pipelines()
    assert (pipeline.branch, pipeline.counts) == ("main", {"queued": 1})
    assert (await world.verdicts())[-1].startswith(f"joined pipeline {pipeline.id}")


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_push_and_pull_request_of_one_commit_are_one_pipeline_in_any_order(world, forge, order):
    all_three = [
        push(world, B, ref="refs/heads/faster", before=A, forge=forge),
        changed(world, forge, "opened", B),
        changed(world, forge, "synchronize", B, before=A),
    ]
    for each in order:
        await world.receive(all_three[each])

    [pipeline] = await world.pipelines()
    assert (pipeline.commit, pipeline.branch, pipeline.pull_request) == (B, "faster", 5)
    assert pipeline.counts == {"queued": 1}
    assert [each.context for each in world.forges.statuses] == ["rigline/run"]


TOKENS = ["Fix [skip ci]", "[CI SKIP] fix", "[no ci]", "[skip actions]", "[actions skip]", "Fix\n\nskip-checks: true"]


@pytest.mark.parametrize("message", TOKENS)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_push_whose_head_asks_to_be_skipped_opens_nothing_and_shows_nothing_green(world, forge, message):
    await world.receive(push(world, message=message, forge=forge))

    assert await world.verdicts() == ["skipped: the head commit's message asks for it"]
    assert await world.pipelines() == []
    assert world.forges.statuses == []


@pytest.mark.parametrize("message", ["Explain skip ci", "[skip-ci]", "The trailer skip-checks: true", "[skip ci"])
async def test_a_message_that_only_speaks_of_skipping_skips_nothing(world, message):
    await world.receive(push(world, message=message))

    assert [each.commit for each in await world.pipelines()] == [A]


async def test_pushes_of_the_merge_queue_are_left_to_their_own_event(world):
    await world.receive(push(world, ref="refs/heads/gh-readonly-queue/main/pr-1-abc"))

    assert await world.pipelines() == []


async def test_a_new_head_supersedes_what_waits_for_the_older_one(world):
    await world.receive(pulled(world, "opened", A))
    await world.receive(pulled(world, "synchronize", B, before=A, updated_at="2026-01-31T12:00:01Z"))

    assert await world.job_states(A) == [("cancelled", f"superseded by {B}")]
    assert await world.job_states(B) == [("queued", "")]
    assert world.shown(A).state == "error"
    assert "superseded by" in world.shown(A).description


@pytest.mark.parametrize("clock", [True, False])
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_heads_delivered_in_reverse_end_with_the_newest_only(world, forge, clock):
    def moved(head, before, second):
        at = f"2026-01-31T12:00:0{second}Z" if clock else "2026-01-31T12:00:00Z"
        return changed(world, forge, "synchronize", head, before=before, updated_at=at)

    await world.receive(changed(world, forge, "opened", A))
    await world.receive(moved(C, B, 2))
    await world.receive(moved(B, A, 1))

    assert await world.job_states(C) == [("queued", "")]
    assert await world.job_states(B) == []
    assert (await world.verdicts())[-1].startswith(f"superseded by {C}")
    assert await world.job_states(A) == [("cancelled", f"superseded by {C}")]


async def test_the_older_of_three_heads_in_disorder_never_cancels_the_newest(world):
    for head, before, second in ((D, C, 3), (B, A, 1), (C, B, 2)):
        at = f"2026-01-31T12:00:0{second}Z"
        await world.receive(pulled(world, "synchronize", head, before=before, updated_at=at))

    assert [each.commit for each in await world.pipelines()] == [D]
    assert await world.job_states(D) == [("queued", "")]


async def test_a_head_pushed_back_to_an_older_commit_runs_that_commit(world):
    await world.receive(pulled(world, "opened", A, updated_at="2026-01-31T12:00:00Z"))
    await world.receive(pulled(world, "synchronize", B, before=A, updated_at="2026-01-31T12:00:01Z"))
    await world.receive(pulled(world, "synchronize", A, before=B, updated_at="2026-01-31T12:00:02Z"))

    assert await world.job_states(A) == [("cancelled", f"superseded by {B}"), ("queued", "")]
    assert await world.job_states(B) == [("cancelled", f"superseded by {A}")]
    assert world.shown(A).state == "pending"


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_closed_pull_request_ends_what_waits_and_a_reopened_one_starts_it_anew(world, forge):
    await world.receive(changed(world, forge, "opened", A, updated_at="2026-01-31T12:00:00Z"))

    await world.receive(changed(world, forge, "closed", A, updated_at="2026-01-31T12:00:01Z"))
    assert await world.job_states(A) == [("cancelled", "the pull request was closed")]
    assert world.shown(A).state == {"github": "error", "gitlab": "canceled"}[forge]

    await world.receive(changed(world, forge, "reopened", A, updated_at="2026-01-31T12:00:02Z"))
    assert await world.job_states(A) == [("cancelled", "the pull request was closed"), ("queued", "")]
    assert world.shown(A).state == "pending"


@pytest.mark.parametrize("closed_first", [True, False])
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_the_merge_of_a_pull_request_is_measured_on_the_base_branch(world, forge, closed_first):
    await world.receive(changed(world, forge, "opened", A, updated_at="2026-01-31T12:00:00Z"))
    both = [
        changed(world, forge, "closed", A, merged=True, updated_at="2026-01-31T12:00:01Z"),
        push(world, A, before=B, ref="refs/heads/main", forge=forge),  # merged by moving the base forward
    ]
    for each in both if closed_first else both[::-1]:
        await world.receive(each)

    [pipeline] = await world.pipelines()
    assert (pipeline.branch, pipeline.state) == ("main", "queued")


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_draft_runs_nothing_until_it_is_ready(world, forge):
    await world.receive(changed(world, forge, "opened", A, draft=True, updated_at="2026-01-31T12:00:00Z"))
    assert await world.pipelines() == []

    await world.receive(changed(world, forge, "ready_for_review", A, updated_at="2026-01-31T12:00:01Z"))
    assert await world.job_states(A) == [("queued", "")]

    await world.receive(changed(world, forge, "converted_to_draft", A, draft=True, updated_at="2026-01-31T12:00:02Z"))
    assert await world.job_states(A) == [("cancelled", "the pull request is a draft")]


@pytest.mark.parametrize("action", ["edited", "labeled", "assigned", "review_requested", "auto_merge_enabled"])
async def test_what_leaves_the_code_alone_leads_to_nothing(world, action):
    await world.receive(pulled(world, action, A, extra={"changes": {"title": {"from": "x"}}}))

    assert await world.pipelines() == []


async def test_a_merge_request_runs_when_opened_and_when_its_head_moves_and_not_for_its_metadata(world):
    await world.receive(merge_request(world, "open", A, updated_at="2026-01-31 12:00:00 UTC"))
    labels = {"labels": {"previous": [], "current": [{"title": "x"}]}}
    for noise in ({"changes": labels}, {"changes": {"title": {}}}, {"changes": {}}):
        await world.receive(merge_request(world, "update", A, **noise, updated_at="2026-01-31 12:00:01 UTC"))
    for action in ("approved", "unapproved", "approval"):
        await world.receive(merge_request(world, action, A))
    await world.receive(merge_request(world, "update", B, oldrev=A, updated_at="2026-01-31 12:00:02 UTC"))

    assert [(each.commit, each.pull_request) for each in await world.pipelines()] == [(A, 5), (B, 5)]
    assert await world.job_states(A) == [("cancelled", f"superseded by {B}")]


async def test_a_system_hook_counts_by_what_its_body_says(world):
    made = merge_request(world, "open", A)
    made = dataclasses.replace(made, headers={**made.headers, "X-Gitlab-Event": "System Hook"})
    await world.receive(made)

    assert [each.pull_request for each in await world.pipelines()] == [5]


async def test_without_any_board_the_pipeline_says_so_and_a_later_event_fills_it(world):
    async with world.deps.begin() as db:
        await db.execute(world.tables.board.update().values(offered=False))
    await world.receive(push(world, A))

    [pipeline] = await world.pipelines()
    assert (pipeline.state, pipeline.counts) == ("errored", {})
    assert pipeline.error == "no board is registered: connect a builder, then ask again"
    assert world.shown(A).state == "error"
    assert world.shown(A).description == f"Nothing was run: {pipeline.error}"

    await world.offer("pi4")
    await world.receive(push(world, A, ref="refs/heads/again"))
    [pipeline] = await world.pipelines()
    assert (pipeline.state, pipeline.error) == ("queued", None)
    assert world.shown(A).state == "pending"


HOSTILE = ["-x", "--upload-pack=touch${IFS}/tmp/x", "a;b", "$(x)", "`x`", "x" * 250, "a'b\"c", "ﬁ/ünï"]
REFUSED = ["..", "a..b", "a@{1}", "a\nb", "a b", "x" * 500, "a~1", "a^", "a:b", "a?*[", "a.lock", "/a", "a//b"]


@pytest.mark.parametrize("branch", HOSTILE)
async def test_a_strange_branch_name_that_git_allows_is_text_and_nothing_else(world, branch):
    await world.receive(push(world, ref=f"refs/heads/{branch}"))

    assert [each.branch for each in await world.pipelines()] == [branch]


@pytest.mark.parametrize("branch", REFUSED)
async def test_a_branch_name_that_git_refuses_is_refused(world, branch):
    await world.receive(push(world, ref=f"refs/heads/{branch}"))

    [verdict] = await world.verdicts()
    assert verdict.startswith("cannot be read: not a ref we take")
    assert await world.pipelines() == []


async def test_no_address_of_a_delivery_is_ever_called(world):
    """The payloads name 169.254.169.254; the suite's network guard would refuse, and the row must not have it."""
    await world.receive(push(world))
    await world.receive(pulled(world, "opened", B, author=world.person(OUTSIDER)))

    rows = await world.rows(world.tables.repository)
    assert not any("169.254" in row.clone_url for row in rows)
    assert all(call.path.startswith("/github/api/v3/") for call in world.forges.calls)
    assert len(world.forges.calls) >= 2
