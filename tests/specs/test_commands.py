"""What commands in comments do, and what people see of that: by signed deliveries in, by the forge's API out."""

import pytest
import sqlalchemy as sa

from app.db.tables import heard, job, pipeline
from app.states import JobState
from integrations.fake import deliveries, said
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.specs.talk import FORGES, A, B, C, Talk
from tests.specs.world import SECRET

RUNNING = (JobState.LEASED, JobState.RUNNING)
APART = "Not by turns, as no builder of these targets can: each is measured in jobs of its own, which proves no change."


@pytest.fixture
async def world(world):
    await world.offer("pi4", "rock5", configurations=("fast", "slow"))
    world.fork = world.forges.add(FakeRepository(8888, "outsider/firmware"))
    for each in (world.repository, world.project):
        world.forges.grant(each.id, "author", Permission.WRITE)
        world.forges.grant(each.id, "reader", Permission.READ)
        world.forges.grant(each.id, "sorter", Permission.TRIAGE)
    return world


@pytest.fixture(params=FORGES)
async def talk(request, world):
    return Talk(world, request.param)


async def test_a_run_covers_what_it_names_and_is_acknowledged(talk):
    replies = await talk.say("Let us see.\n\n/rig run boards=pi4 configs=fast repeat=3 priority=branch")

    [made] = await talk.pipelines()
    assert (made.commit, made.kind, made.trigger, made.repeat) == (A, "run", "command", 3)
    assert (made.pull_request, made.branch, made.requested_by) == (9, "faster", "maintainer")
    assert made.trust == "branch faster of the repository itself"
    assert await talk.targets(made.id) == [("pi4", "fast")]
    assert talk.reactions() == ["eyes"]
    assert replies == []
    assert talk.world.shown(A).state == "pending"
    assert len(talk.sticky()) == 1
    assert (await talk.world.verdicts())[-1] == "carried out: run"


async def test_what_has_a_dash_is_left_out(talk):
    await talk.say("/rig run boards=-pi4 configs=-slow")

    [made] = await talk.pipelines()
    assert await talk.targets(made.id) == [("rock5", "fast")]


async def test_a_build_builds_only(talk):
    await talk.say("/rig build")

    [made] = await talk.pipelines()
    assert made.kind == "build"
    assert len(await talk.targets(made.id)) == 4


async def test_a_command_always_runs_again(talk):
    await talk.open()
    await talk.say("/rig run")
    await talk.say("/rig run")

    assert len(await talk.pipelines()) == 2
    assert len(await talk.world.pipelines(commit=A)) == 3


async def test_commands_also_count_in_reviews_and_on_lines_of_code(world):
    talk = Talk(world)
    await talk.review("/rig run boards=pi4")
    author = world.person("maintainer")
    await world.receive(said.github_review_comment(talk.home, talk.pull, "/rig run", SECRET, author=author, comment=7))

    assert len(await talk.pipelines()) == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run boards=pi5", "There is no board 'pi5'. Did you mean 'pi4'? Known: pi4, rock5."),
        ("run configs=-fats", "There is no configuration 'fats'. Did you mean 'fast'?"),
        ("run tags=nightly", "There is no tag 'nightly'."),
        ("run boards=pi4,-pi4", "no board is left"),
        ("run repeat=0", "a number from 1 to 50"),
        ("run boards=pi4 boards=rock5", "said twice"),
        ("rnu", "Did you mean `run`?"),
        (f"compare base=sha:{C} repeat=50 boards=pi4 configs=fast,slow", ""),
    ],
)
async def test_a_wrong_command_is_answered_once_and_nothing_is_queued(world, line, told):
    talk = Talk(world)
    world.repository.grow(B, branch="main")
    world.repository.grow(C)
    [reply] = await talk.say(f"/rig {line}")

    assert told in reply
    assert await talk.pipelines() == []
    assert talk.reactions() == ["eyes"]


async def test_a_command_that_costs_too_much_is_refused_with_the_number(world):
    talk = Talk(world)
    await world.offer("b1", "b2", "b3", "b4", "b5", configurations=("x", "y"))
    [reply] = await talk.say("/rig run repeat=50")

    assert "14 targets × 50 repeats = 700 runs; at most 400" in reply
    assert await talk.pipelines() == []


async def test_of_two_commands_the_second_wrong_none_is_carried_out(talk):
    await talk.say("/rig run\n/rig run boards=nothing")
    await talk.say("/rig run\n/rig dance")

    assert await talk.pipelines() == []
    assert len(talk.replies()) == 2


async def test_several_commands_are_carried_out_in_order(talk):
    await talk.say("/rig build boards=pi4\n\n- /rig run boards=rock5")

    assert [each.kind for each in await talk.pipelines()] == ["build", "run"]


async def test_without_any_board_nothing_is_asked_for(world):
    talk = Talk(world)
    async with world.deps.begin() as db:
        await db.execute(sa.text("UPDATE builder SET state = 'retired'"))
    [reply] = await talk.say("/rig run")

    assert reply == "No board is registered, so nothing can run."


async def test_the_same_comment_brought_again_or_edited_is_carried_out_once(talk):
    await talk.say("/rig run", number=5)
    await talk.say("/rig run", number=5)  # brought again under another delivery id
    edited = "edited" if talk.forge == "github" else "update"
    await talk.say("/rig run", number=5, action=edited)
    await talk.say("/rig run", number=6, action=edited)

    assert len(await talk.pipelines()) == 1


async def test_a_comment_on_a_closed_pull_request_does_nothing_and_says_so_once(talk):
    closed = {"closed": True} if talk.forge == "github" else {"state": "closed"}
    first = await talk.say("/rig run", **closed)
    second = await talk.say("/rig run", **closed)
    talk.home.closed.add(9)  # the delivery does not know it yet
    third = await talk.say("/rig run")

    assert (first, second, third) == (["This pull request is closed, so nothing was done."], [], [])
    assert await talk.pipelines() == []


async def test_comments_on_anything_but_pull_requests_do_nothing(world):
    github, gitlab = Talk(world), Talk(world, "gitlab")
    await github.say("/rig run", on_issue=True)
    for kind in ("Issue", "Commit", "Snippet"):
        await gitlab.say("/rig run", on=kind)

    assert await github.pipelines() == []
    assert await github.heard() == []


async def test_a_confidential_or_system_note_is_never_answered(world):
    talk = Talk(world, "gitlab")
    await talk.say("/rig run", confidential=True)
    await talk.say("/rig run", system=True)

    assert (await talk.pipelines(), talk.replies(), talk.home.reactions) == ([], [], {})


async def test_text_without_a_command_is_not_answered(talk):
    await talk.say("Nice work! `/rig run` would measure it, and > /rig help too. @everybody")

    assert (talk.home.comments, talk.home.reactions, await talk.heard()) == ({}, {}, [])


async def test_our_own_reply_that_quotes_a_command_starts_nothing(talk):
    await talk.say("/rig run boards=/rig")
    ours = next(iter(talk.home.comments.values())).text
    await talk.say(ours, by="maintainer")
    await talk.say(ours.partition("\n")[2], by="maintainer")

    assert len(await talk.heard()) == 1


@pytest.mark.parametrize("who", ["reader", "sorter"])
async def test_who_may_only_read_or_sort_is_refused_once_and_then_silently(talk, who):
    first = await talk.say("/rig run", by=who)
    second = await talk.say("/rig run", by=who)
    third = await talk.say("/rig dance", by=who)

    assert len(first) == 1
    assert "you are not among them" in first[0]
    assert (second, third) == ([], [])
    assert [talk.reactions(number)[-1] for number in (1, 2, 3)] == ["-1"] * 3
    assert await talk.pipelines() == []


@pytest.mark.parametrize("second", ["run", "build", "compare", "retry", "approve", "revoke"])
async def test_who_may_only_read_cannot_hide_a_command_behind_one_that_is_for_everybody(world, second):
    talk = Talk(world)
    await talk.open()
    before = await talk.states()
    replies = await talk.say(f"/rig help\n/rig {second}", by="reader")

    assert len(replies) == 1
    assert "you are not among them" in replies[0]
    assert (await talk.pipelines(), await talk.states()) == ([], before)


async def test_a_name_registered_anew_by_somebody_else_may_nothing(world):
    talk = Talk(world)
    impostor = said.Person(id=666, name="maintainer")
    await world.receive(said.github_comment(talk.home, talk.pull, "/rig run", SECRET, author=impostor))

    assert await talk.pipelines() == []


async def test_a_right_taken_away_counts_at_the_next_comment(talk):
    await talk.say("/rig run")
    talk.world.forges.grant(talk.home.id, "maintainer", Permission.READ)
    await talk.say("/rig run")

    assert len(await talk.pipelines()) == 1


async def test_a_comment_that_somebody_else_sent_is_not_its_writers(world):
    talk = Talk(world)
    await talk.say("/rig run", sender=world.person("reader"))

    assert await talk.heard() == []


async def test_more_than_the_quota_is_refused_and_said_once(world):
    talk = Talk(world)
    for _ in range(4):
        await talk.say("/rig run\n" * 5)
    over = [await talk.say("/rig run") for _ in range(3)]

    assert len(await talk.pipelines()) == 20
    assert [len(replies) for replies in over] == [1, 0, 0]
    assert "more than 20 commands of yours within an hour" in over[0][0]


async def test_what_somebody_used_up_is_nobody_elses_quota(world):
    talk = Talk(world)
    for _ in range(4):
        await talk.say("/rig run\n" * 5)

    assert await talk.say("/rig run", by="author") == []
    assert len(await talk.pipelines()) == 21


async def test_an_hour_later_the_quota_is_free_again(world):
    talk = Talk(world)
    for _ in range(4):
        await talk.say("/rig run\n" * 5)
    async with world.deps.begin() as db:
        await db.execute(sa.update(heard).values(heard_at=heard.c.heard_at - sa.text("interval '61 minutes'")))
    await talk.say("/rig run")

    assert len(await talk.pipelines()) == 21


async def test_help_is_for_everybody_and_not_said_again_and_again(talk):
    first = await talk.say("/rig help", by="reader")
    second = await talk.say("/rig help run", by="maintainer")
    async with talk.world.deps.begin() as db:
        await db.execute(sa.update(heard).values(heard_at=heard.c.heard_at - sa.text("interval '11 minutes'")))
    third = await talk.say("/rig help compare")

    assert "| `/rig run [boards=a,b]" in first[0]
    assert second == []
    assert third[0].startswith("`/rig compare")


async def test_status_brings_the_comment_up_to_date_and_tells_what_jobs_wait_for(talk):
    assert await talk.say("/rig status", by="reader") == ["Nothing was asked for `aaaaaaaaaa` yet."]
    await talk.open()
    async with talk.world.deps.begin() as db:
        await db.execute(sa.update(heard).values(heard_at=heard.c.heard_at - sa.text("interval '2 minutes'")))
    assert talk.sticky() == []

    [waiting] = await talk.say("/rig status", by="reader")
    assert len(waiting.splitlines()) == 4
    assert "is queued: `'pi4' is away: its builder is offline`." in waiting
    assert len(talk.sticky()) == 1

    async with talk.world.deps.begin() as db:
        await db.execute(sa.update(heard).values(heard_at=heard.c.heard_at - sa.text("interval '2 minutes'")))
        job_id = await db.scalar(sa.select(sa.func.min(job.c.id)))
    [told] = await talk.say(f"/rig status job={job_id}", by="reader")
    why = "`'pi4' is away: its builder is offline`"
    assert told == f"[Job {job_id}](https://rigline.example/jobs/{job_id}) is queued: {why}."


async def test_cancel_ends_ones_own_and_all_needs_the_right_to_write(talk):
    await talk.open()
    await talk.say("/rig run boards=pi4 configs=fast")
    await talk.say("/rig cancel", by="reader")
    assert set(await talk.states()) == {"queued"}

    await talk.say("/rig cancel all", by="reader")
    assert set(await talk.states()) == {"queued"}

    assert await talk.say("/rig cancel") == []
    assert sorted(await talk.states()) == ["cancelled", *["queued"] * 4]

    await talk.say("/rig cancel all")
    assert set(await talk.states()) == {"cancelled"}
    assert await talk.say("/rig cancel all") == ["There is nothing to cancel."]
    await talk.world.send()
    assert talk.world.shown(A).state in ("error", "canceled")


async def test_cancel_asks_the_builder_of_a_running_job_to_stop(talk):
    await talk.say("/rig run boards=pi4 configs=fast")
    await talk.world.move_all(A, *RUNNING)
    await talk.say("/rig cancel")

    [row] = await talk.world.rows(job)
    assert (row.state, row.cancel_reason) == ("running", "cancelled by maintainer in a comment")
    assert row.cancel_requested_at is not None


async def test_a_job_of_something_else_cannot_be_meant(talk):
    await talk.say("/rig run boards=pi4 configs=fast")
    [row] = await talk.world.rows(job)
    async with talk.world.deps.begin() as db:
        await db.execute(sa.update(pipeline).values(pull_request=10, dedupe_key="x"))
    for line in ("cancel", "retry", "status"):
        assert await talk.say(f"/rig {line} job={row.id}") == [f"Job {row.id} is not one of this pull request."]
    assert await talk.states() == ["queued"]


async def test_retry_tries_what_did_not_pass_and_a_second_one_is_the_same(talk):
    await talk.open()
    found = await talk.world.rows(job)
    async with talk.world.deps.begin() as db:
        await db.execute(sa.update(job).values(state="passed", ended_at=sa.func.now()))
        await db.execute(sa.update(job).where(job.c.id == found[0].id).values(state="failed"))
    assert await talk.say("/rig retry") == []
    assert await talk.say("/rig retry") == ["What could be tried again is being tried already."]

    rows = await talk.world.rows(job)
    assert len(rows) == 5
    assert (rows[-1].state, rows[-1].generation) == ("queued", 1)
    assert (rows[-1].board_type, rows[-1].configuration) == (found[0].board_type, found[0].configuration)


async def test_retry_all_tries_everything_and_one_job_only_that(talk):
    await talk.open()
    found = await talk.world.rows(job)
    async with talk.world.deps.begin() as db:
        await db.execute(sa.update(job).values(state="passed", ended_at=sa.func.now()))
    assert await talk.say("/rig retry") == ["There is nothing to try again."]
    await talk.say(f"/rig retry job={found[1].id}")
    assert len(await talk.world.rows(job)) == 5
    await talk.say("/rig retry all")

    assert len(await talk.world.rows(job)) == 8


@pytest.mark.parametrize(
    ("base", "commit", "why"),
    [
        ("", B, "merge base with `main`"),
        ("base=branch:release", C, "head of `release`"),
        ("base=tag:v1", C, "tag `v1`"),
        (f"base=sha:{B}", B, "in `main`"),
    ],
)
async def test_compare_queues_head_and_base_apart_for_a_builder_that_cannot_take_turns(talk, base, commit, why):
    talk.home.grow(B, branch="main")
    talk.home.grow("d" * 40, B, branch="main")
    talk.home.grow(A, B)
    talk.home.grow(C, branch="release")
    talk.home.tags["v1"] = C
    replies = await talk.say(f"/rig compare {base} boards=pi4 configs=fast repeat=2")

    of_base, of_head = await talk.pipelines()
    assert (of_head.commit, of_head.compare_with, of_head.repeat) == (A, commit, 2)
    assert (of_base.commit, of_base.pull_request, of_base.repeat) == (commit, None, 2)
    assert await talk.targets(of_base.id) == await talk.targets(of_head.id) == [("pi4", "fast")]
    assert replies == [f"Comparing `aaaaaaaaaa` with `{commit[:10]}` ({why}). {APART}"]


async def test_compare_with_the_last_measured_commit_of_the_base_branch(talk):
    talk.home.grow(B, branch="main")
    await talk.world.receive(_push(talk, B))
    assert await talk.say("/rig compare base=last") == [
        "Nothing was done: no commit of `main` has passed as a whole yet."
    ]
    await talk.world.move_all(B, *RUNNING, JobState.PASSED)
    [reply] = await talk.say("/rig compare base=last")

    assert reply == f"Comparing `aaaaaaaaaa` with `{B[:10]}` (last measured of `main`). {APART}"


async def test_a_base_that_is_not_there_or_in_no_branch_of_ours_is_refused(talk):
    talk.home.grow(B, branch="main")
    talk.home.grow(C)  # it can be found, as a commit of any fork can
    for base in ("branch:nowhere", "tag:v9", f"sha:{C}"):
        assert len(await talk.say(f"/rig compare base={base}")) == 1

    assert await talk.pipelines() == []


async def test_cancel_mine_covers_the_base_of_a_comparison(talk):
    talk.home.grow(B, branch="main")
    talk.home.grow(A, B)
    await talk.say("/rig compare boards=pi4 configs=fast")
    await talk.say("/rig cancel")

    assert await talk.states(A) + await talk.states(B) == ["cancelled", "cancelled"]


async def test_the_audit_says_who_commanded_what(talk):
    await talk.say("/rig run")
    await talk.say("/rig run", by="reader")

    told = [(row.action, row.actor, row.origin) for row in await talk.world.rows(talk.world.tables.audit)]
    assert ("command.carried_out", "maintainer", "forge") in told
    assert ("command.refused", "reader", "forge") in told
    assert ("job.queued", "service", "") in told


async def test_another_prefix_can_be_set(world):
    changed = world.deps.settings.model_copy(update={"command_prefix": "/bench"})
    object.__setattr__(world.deps, "settings", changed)
    talk = Talk(world)
    await talk.say("/rig run\n/bench run")

    assert len(await talk.pipelines()) == 1


def _push(talk, commit):
    make = deliveries.github_push if talk.forge == "github" else deliveries.gitlab_push
    return make(talk.home, commit, SECRET, sender=talk.world.person("maintainer"))


async def test_our_account_can_be_called_by_its_name(talk):
    ours = (await talk.world.deps.forges[talk.forge].whoami()).name.removesuffix("[bot]")
    await talk.say(f"@{ours} run")
    await talk.say("@somebody run")

    assert len(await talk.pipelines()) == 1


async def test_a_pull_request_that_is_closed_takes_what_waits_for_its_commands_along(talk):
    await talk.open()
    await talk.say("/rig run boards=pi4 configs=fast")
    await talk.open("closed" if talk.forge == "github" else "close")

    assert set(await talk.states()) == {"cancelled"}


async def test_a_head_whose_message_asks_to_skip_it_is_run_by_command(talk):
    talk.home.grow(A, branch="faster")
    make = deliveries.github_push if talk.forge == "github" else deliveries.gitlab_push
    pushed = make(
        talk.home,
        A,
        SECRET,
        ref="refs/heads/faster",
        sender=talk.world.person("author"),
        message="Change the documents [skip ci]",
    )
    await talk.world.receive(pushed)
    assert await talk.world.pipelines() == []

    await talk.say("/rig run")
    assert len(await talk.pipelines()) == 1


async def test_what_somebody_asked_for_stays_when_the_head_moves_on(talk):
    await talk.open()
    await talk.say("/rig run boards=pi4 configs=fast")
    talk.show(head=C, updated_at="2026-02-01T00:00:00Z")
    await talk.open("synchronize", **({"oldrev": A} if talk.forge == "gitlab" else {"before": A}))

    assert sorted(await talk.states(A)) == [*["cancelled"] * 4, "queued"]
    assert set(await talk.states(C)) == {"queued"}
