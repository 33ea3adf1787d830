"""Strangers' code runs only after somebody who may write looked at that very commit, whatever way they say so."""

import pytest

from app.db.tables import approval
from app.states import JobState
from integrations.fake import deliveries, said
from integrations.fake.deliveries import Person
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.specs.talk import FORGES, A, B, C, Talk
from tests.specs.world import SECRET

LATER = {"updated_at": "2026-02-01T00:00:00Z"}


@pytest.fixture
async def world(world):
    await world.offer("pi4")
    world.fork = world.forges.add(FakeRepository(8888, "stranger/firmware"))
    world.forges.account("stranger")
    for each in (world.repository, world.project):
        world.forges.grant(each.id, "reader", Permission.READ)
        world.forges.grant(each.id, "sorter", Permission.TRIAGE)
        each.grow(B, branch="main")
        each.grow(A, B)
    return world


@pytest.fixture(params=FORGES)
async def talk(request, world):
    made = Talk(world, request.param, fork=True, author="stranger")
    await made.open()
    assert await made.states() == ["awaiting_approval"]
    return made


@pytest.mark.parametrize("sha", [A, A[:16], A.upper()])
async def test_an_approval_by_comment_lets_exactly_this_commit_run(talk, sha):
    assert await talk.say(f"Looks fine.\n\n/rig approve {sha}") == []

    assert await talk.world.job_states(A) == [("queued", "approved by maintainer")]
    [row] = await talk.world.rows(approval)
    assert (row.commit, row.approver, row.via, row.pull_request) == (A, "maintainer", "command", 9)
    assert row.approver_id == talk.world.forges.account("maintainer")
    told = [(each.action, each.actor) for each in await talk.world.rows(talk.world.tables.audit)]
    assert ("commit.approved", "maintainer") in told


async def test_an_approval_of_another_commit_is_refused_with_the_head_quoted(talk):
    [reply] = await talk.say(f"/rig approve {C}")

    assert f"`{C}` is not the head of this pull request" in reply
    assert f"`/rig approve {A}`" in reply
    assert await talk.states() == ["awaiting_approval"]
    assert await talk.world.rows(approval) == []


async def test_an_approval_without_a_commit_or_with_few_digits_is_refused(talk):
    [first] = await talk.say("/rig approve")
    [second] = await talk.say(f"/rig approve {A[:15]}")

    assert first.startswith("Which commit did you look at?")
    assert "at least its first 16 hex digits" in second
    assert await talk.states() == ["awaiting_approval"]


async def test_a_push_between_the_comment_and_its_handling_is_not_approved(talk):
    """The comment is kept, then the head moves, then the task runs."""
    await talk.world.deliver(talk.delivery(f"/rig approve {A}"))
    talk.show(head=C)
    await talk.world.settle()
    await talk.answered()

    assert f"The head is `{C}`" in talk.replies()[0]
    assert await talk.states(A) == ["awaiting_approval"]
    assert await talk.world.rows(approval) == []


async def test_the_next_push_awaits_an_approval_of_its_own(talk):
    await talk.say(f"/rig approve {A}")
    talk.show(head=C, **LATER)
    await talk.open("synchronize", **({"oldrev": A} if talk.forge == "gitlab" else {"before": A}))

    assert await talk.states(C) == ["awaiting_approval"]
    assert await talk.states(A) == ["cancelled"]


@pytest.mark.parametrize("who", ["stranger", "reader", "sorter"])
async def test_who_may_not_write_cannot_approve(talk, who):
    [reply] = await talk.say(f"/rig approve {A}", by=who)

    assert "`approve` is for: who may write" in reply
    assert talk.reactions()[-1] == "-1"
    assert await talk.states() == ["awaiting_approval"]


async def test_a_name_registered_anew_cannot_approve(world):
    talk = Talk(world, fork=True, author="stranger")
    await talk.open()
    review = {"author": Person(id=666, name="maintainer")}
    await world.receive(deliveries_comment(talk, f"/rig approve {A}", **review))

    assert await talk.states() == ["awaiting_approval"]


async def test_while_the_forge_does_not_say_nothing_is_approved(talk):
    talk.world.forges.fail(503, times=1, path="/collaborators/" if talk.forge == "github" else "/members/")
    await talk.say(f"/rig approve {A}")
    assert await talk.states() == ["awaiting_approval"]

    await talk.world.deps.tasks.put("handle_delivery", (await talk.heard())[0].delivery_id)
    await talk.world.settle()
    assert await talk.states() == ["queued"]


async def test_an_approval_of_a_commit_without_a_pipeline_counts_when_one_comes(world):
    talk = Talk(world, fork=True, author="stranger")
    await talk.say(f"/rig approve {A}")
    await talk.open()

    assert await world.job_states(A) == [("queued", "")]
    [made] = await world.pipelines()
    assert made.trust == "approved by maintainer"


async def test_an_unapproved_head_is_not_run_by_command_either(talk):
    [reply] = await talk.say("/rig run")
    assert f"`/rig approve {A}` lets exactly this commit run" in reply
    [other] = await talk.say(f"/rig run sha={A}")

    assert other == reply
    assert await talk.pipelines() == []
    assert await talk.states() == ["awaiting_approval"]


async def test_approve_and_run_in_one_comment_do_both(talk):
    await talk.say(f"/rig approve {A}\n/rig run")

    [made] = await talk.pipelines()
    assert (made.commit, made.trust, made.from_fork) == (A, "approved by maintainer", True)
    assert await talk.states() == ["queued", "queued"]


async def test_run_before_approve_in_one_comment_does_neither(talk):
    await talk.say(f"/rig run\n/rig approve {A}")

    assert await talk.pipelines() == []
    assert await talk.world.rows(approval) == []


async def test_the_author_may_command_once_the_commit_is_approved(talk):
    await talk.say("/rig run", by="stranger")
    assert await talk.pipelines() == []

    await talk.say(f"/rig approve {A}")
    await talk.say("/rig run", by="stranger")
    await talk.say("/rig run priority=release", by="stranger")
    assert len(await talk.pipelines()) == 1

    await talk.say("/rig cancel", by="stranger")
    assert sorted(await talk.states()) == ["cancelled", "queued"]


async def test_another_reader_may_not_command_on_an_approved_commit(talk):
    await talk.say(f"/rig approve {A}")
    await talk.say("/rig run", by="reader")

    assert await talk.pipelines() == []


@pytest.mark.parametrize("who", ["maintainer", "stranger"])
async def test_a_commit_that_can_merely_be_found_is_not_run(talk, who):
    talk.home.grow(C)  # of a foreign fork: it shares its objects with the repository
    await talk.say(f"/rig approve {A}")
    [reply] = await talk.say(f"/rig run sha={C}", by=who)

    assert "forks share its objects" in reply
    assert await talk.pipelines() == []


async def test_a_commit_of_the_base_branch_may_run_for_who_may_write(talk):
    await talk.say(f"/rig run sha={B}", by="stranger")
    assert await talk.pipelines() == []

    await talk.say(f"/rig run sha={B}")
    [made] = await talk.pipelines()
    assert (made.commit, made.trust, made.from_fork) == (B, "commit of refs/heads/main", False)


async def test_an_older_commit_that_was_approved_may_run_again(talk):
    await talk.say(f"/rig approve {A}")
    talk.show(head=C, **LATER)
    await talk.say(f"/rig run sha={A}")

    [made] = await talk.pipelines()
    assert (made.commit, made.trust) == (A, "approved by maintainer")


async def test_revoke_takes_approvals_back_and_cancels_what_waits(talk):
    await talk.say(f"/rig approve {A}")
    await talk.say("/rig run")
    assert await talk.say("/rig revoke", by="reader") != []
    assert await talk.states() == ["queued", "queued"]

    assert await talk.say("/rig revoke") == ["1 approval taken back, 2 waiting jobs cancelled."]

    assert await talk.states() == ["cancelled", "cancelled"]
    assert await talk.world.rows(approval) == []
    assert [each.trust for each in await talk.world.pipelines()] == [None, None]
    await talk.say("/rig run")
    assert len(await talk.pipelines()) == 1
    told = [(each.action, each.actor) for each in await talk.world.rows(talk.world.tables.audit)]
    assert ("commit.revoked", "maintainer") in told


async def test_what_runs_when_its_approval_is_revoked_goes_on_and_a_retry_awaits_a_new_one(talk):
    await talk.say(f"/rig approve {A}")
    await talk.world.move_all(A, JobState.LEASED, JobState.RUNNING)
    await talk.say("/rig revoke")
    assert await talk.states() == ["running"]

    await talk.world.move_all(A, JobState.FAILED)
    [reply] = await talk.say("/rig retry")
    assert "Nobody has approved" in reply
    assert await talk.states() == ["failed"]


async def test_revoke_leaves_what_was_trusted_by_rule(world):
    talk = Talk(world, fork=True, author="maintainer")
    await talk.open()
    await talk.say(f"/rig approve {A}")
    assert await talk.say("/rig revoke") == ["1 approval taken back, 0 waiting jobs cancelled."]

    assert await talk.states() == ["queued"]


@pytest.fixture
async def github(world):
    made = Talk(world, fork=True, author="stranger")
    await made.open()
    return made


async def test_a_review_that_approves_counts_for_the_commit_it_looked_at(github):
    await github.review(None, state="approved")

    assert await github.world.job_states(A) == [("queued", "approved by maintainer")]
    [row] = await github.world.rows(approval)
    assert (row.via, row.commit) == ("review", A)


async def test_a_review_of_an_older_commit_approves_nothing(github):
    await github.review(None, state="approved", commit=C)
    assert await github.world.rows(approval) == []

    [reply] = await github.review("/rig approve", commit=C)
    assert f"Your review is of `{C}`, and the head is `{A}` now" in reply
    assert await github.states() == ["awaiting_approval"]


async def test_a_command_in_a_review_needs_no_commit_as_the_review_has_one(github):
    await github.review("Well done.\n\n/rig approve", state="commented")

    assert await github.states() == ["queued"]


@pytest.mark.parametrize(
    ("who", "state"),
    [("reader", "approved"), ("sorter", "approved"), ("stranger", "approved"), ("maintainer", "commented")],
)
async def test_a_review_by_who_may_not_write_or_that_does_not_approve_is_no_approval(github, who, state):
    await github.review("Fine by me" if state == "commented" else None, by=who, state=state)

    assert await github.states() == ["awaiting_approval"]
    assert github.replies() == []


async def test_gitlabs_approval_names_no_commit_and_counts_for_nothing(world):
    talk = Talk(world, "gitlab", fork=True, author="stranger")
    await talk.open()
    for action in ("approved", "approval"):
        await world.receive(
            deliveries.gitlab_merge_request(talk.home, action, talk.pull, SECRET, sender=world.person("maintainer"))
        )

    assert await talk.states() == ["awaiting_approval"]


RULES = b'[trust]\napprove_labels = ["safe to run"]\n'


async def test_a_label_approves_only_where_the_rules_name_it_and_who_may_write_set_it(github):
    label = {"label": "safe to run"}
    maintainer, reader = github.world.person("maintainer"), github.world.person("reader")
    await github.open("labeled", sender=maintainer, **label)
    assert await github.states() == ["awaiting_approval"]

    github.home.grow("d" * 40, B, branch="main", files={".rigline.toml": RULES})
    await github.open("labeled", sender=reader, **label)
    assert await github.states() == ["awaiting_approval"]

    await github.open("labeled", sender=maintainer, label="another")
    assert await github.states() == ["awaiting_approval"]

    await github.open("labeled", sender=maintainer, **label)
    assert await github.states() == ["queued"]
    [row] = await github.world.rows(approval)
    assert (row.via, row.approver) == ("label", "maintainer")


def deliveries_comment(talk, text, *, author):
    return said.github_comment(talk.home, talk.pull, text, SECRET, author=author)
