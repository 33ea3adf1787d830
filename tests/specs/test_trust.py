"""No code from a pull request runs before its very commit was trusted by rule or by a person."""

import pytest
import sqlalchemy as sa

from app.db.queries import boards, repositories
from app.db.tables import builder, job, pipeline
from app.dispatch.plan import release
from app.errors import Conflict, Invalid
from app.handlers.approval import approve
from app.states import JobState
from app.tasks import rounds
from integrations.fake import deliveries
from integrations.fake.deliveries import Person, Pull
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.specs.test_deliveries import _age
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
AWAITING = [("awaiting_approval", "")]


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    world.forges.account(OUTSIDER)
    world.fork = world.forges.add(FakeRepository(8888, "outsider/firmware"))
    return world


def forked(world, *, author=OUTSIDER, sender=None, head=A, action="opened", forge="github", **more):
    who = {name: name if isinstance(name, Person) else world.person(name) for name in (author, sender) if name}
    made = Pull(number=9, head=head, branch="faster", author=who[author], fork=world.fork, **more)
    person = who[sender] if sender else None
    if forge == "github":
        return deliveries.github_pull_request(world.repository, action, made, SECRET, sender=person)
    action = {"opened": "open"}.get(action, action)
    return deliveries.gitlab_merge_request(world.project, action, made, SECRET, sender=person)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_an_outsiders_pull_request_waits_and_its_status_says_where_to_look(world, forge):
    await world.receive(forked(world, forge=forge))

    [pipeline] = await world.pipelines()
    assert (pipeline.state, pipeline.trust, pipeline.from_fork) == ("awaiting_approval", None, True)
    shown = world.shown(A)
    assert (shown.state, shown.target_url) == ("pending", f"https://rigline.example/pipelines/{pipeline.id}")
    assert shown.description.startswith("Awaiting approval of aaaaaaaaaa")
    assert (await world.verdicts())[-1].endswith("awaiting approval")


async def test_what_awaits_approval_is_on_no_queue_and_no_builder_gets_it(world):
    await world.receive(forked(world))

    assert await world.job_states(A) == AWAITING
    assert await world.deps.redis.keys("rq:queue:board:*") == []
    assert await candidates(world) == []
    async with world.deps.begin() as db:  # not even if a fault of ours had queued it
        await db.execute(job.update().values(state="queued", queued_at=sa.func.now()))
    assert await candidates(world) == []
    async with world.deps.begin() as db:
        await db.execute(pipeline.update().values(trust="by hand"))
    assert len(await candidates(world)) == 1


async def candidates(world):
    """List what the one builder could get now."""
    [lab] = await world.rows(builder)
    async with world.deps.begin() as db:
        return await boards.candidates(db, lab.id, ["nucleo"])


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_fork_runs_by_itself_when_author_and_sender_both_may_write(world, forge):
    await world.receive(forked(world, author=MAINTAINER, forge=forge))

    [pipeline] = await world.pipelines()
    assert pipeline.state == "queued"
    assert pipeline.trust == f"author {MAINTAINER} and sender {MAINTAINER} may write"


@pytest.mark.parametrize(
    ("author", "sender"),
    [
        (MAINTAINER, OUTSIDER),  # somebody else pushed to the fork of a trusted author
        (OUTSIDER, MAINTAINER),  # a maintainer pressed "update branch"
    ],
)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_one_of_author_and_sender_alone_is_not_enough(world, author, sender, forge):
    await world.receive(forked(world, author=author, sender=sender, forge=forge))

    assert await world.job_states(A) == AWAITING


@pytest.mark.parametrize("forge", ["github", "gitlab"])
@pytest.mark.parametrize("right", [Permission.NONE, Permission.READ, Permission.TRIAGE])
async def test_a_right_to_read_or_to_sort_is_not_enough(world, right, forge):
    hosted = world.repository if forge == "github" else world.project
    world.forges.grant(hosted.id, "reader", right)
    await world.receive(forked(world, author="reader", forge=forge))

    assert await world.job_states(A) == AWAITING


async def test_a_name_registered_anew_by_somebody_else_has_no_rights(world):
    impostor = Person(id=666, name=MAINTAINER)
    await world.receive(forked(world, author=impostor, sender=impostor))

    assert await world.job_states(A) == AWAITING


async def test_the_names_written_on_a_commit_count_for_nothing(world):
    """GitLab's last_commit.author and GitHub's author_association are texts or wrong; only ids are asked about."""
    association = {"author_association": "OWNER"}
    await world.receive(forked(world, extra=association))
    await world.receive(forked(world, forge="gitlab", head=B))

    assert await world.job_states(A) == AWAITING
    assert await world.job_states(B) == AWAITING


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_pull_request_whose_fork_is_gone_is_not_trusted(world, forge):
    await world.receive(forked(world, fork_is_gone=True, forge=forge))

    assert await world.job_states(A) == AWAITING


async def test_while_the_forge_does_not_say_who_may_write_nothing_runs_and_it_is_asked_again(world):
    world.forges.fail(500, times=2, path="/collaborators/")
    await world.receive(forked(world, author=MAINTAINER))
    assert await world.job_states(A) == AWAITING
    assert (await world.verdicts())[0].startswith("try 1: waits for the forge: GitHub answered 500")

    for _ in range(2):
        await _age(world, seconds=3600)
        await rounds.put_unhandled(world.deps)
        await world.settle()

    assert await world.job_states(A) == [("queued", f"author {MAINTAINER} and sender {MAINTAINER} may write")]
    assert len(await world.pipelines()) == 1


async def test_a_refusal_to_answer_is_a_no(world):
    world.forges.fail(403, times=1, path="/collaborators/", message="Must have push access")
    await world.receive(forked(world, author=MAINTAINER))

    assert await world.job_states(A) == AWAITING
    assert (await world.verdicts())[0].endswith("awaiting approval")


async def test_an_admin_approves_exactly_one_commit(world):
    await world.receive(forked(world))
    [pipeline] = await world.pipelines()

    queued = await approve(world.deps, pipeline.repository_id, A, "olivia")
    await world.settle()

    assert len(queued) == 1
    assert await world.job_states(A) == [("queued", "approved by olivia")]
    assert world.shown(A).description == "1 job queued: approved by olivia"
    actions = {(row.action, row.actor) for row in await world.rows(world.tables.audit)}
    assert ("pipeline.approved", "olivia") in actions


async def test_a_push_after_the_approval_awaits_one_of_its_own(world):
    await world.receive(forked(world))
    [pipeline] = await world.pipelines()
    await approve(world.deps, pipeline.repository_id, A, "olivia")

    await world.receive(forked(world, head=C, action="synchronize", updated_at="2026-02-01T00:00:00Z"))

    assert await world.job_states(C) == AWAITING
    assert await world.job_states(A) == [("cancelled", f"superseded by {C}")]


async def test_approving_a_commit_that_is_not_there_any_more_runs_nothing(world):
    await world.receive(forked(world, head=B))
    [pipeline] = await world.pipelines()

    with pytest.raises(Conflict, match="the head may have moved"):
        await approve(world.deps, pipeline.repository_id, A, "olivia")
    assert await world.job_states(B) == AWAITING


@pytest.mark.parametrize("sha", [A[:7], A[:16], A[:39], A + "a", "main", A.upper(), ""])
async def test_only_a_full_hash_can_be_approved(world, sha):
    await world.receive(forked(world))
    [pipeline] = await world.pipelines()

    with pytest.raises(Invalid, match="full hash"):
        await approve(world.deps, pipeline.repository_id, sha, "olivia")
    assert await world.job_states(A) == AWAITING


async def test_an_approved_commit_stays_approved_when_its_delivery_comes_again(world):
    await world.receive(forked(world))
    [pipeline] = await world.pipelines()
    await approve(world.deps, pipeline.repository_id, A, "olivia")
    await world.receive(forked(world, action="closed", updated_at="2026-02-01T00:00:00Z"))
    await world.receive(forked(world, action="reopened", updated_at="2026-02-01T00:00:01Z"))

    assert (await world.job_states(A))[-1] == ("queued", "")


async def test_a_reopened_pull_request_of_an_outsider_awaits_approval_again(world):
    await world.receive(forked(world))
    await world.receive(forked(world, action="closed", updated_at="2026-02-01T00:00:00Z"))
    await world.receive(forked(world, action="reopened", updated_at="2026-02-01T00:00:01Z"))

    assert [state for state, _ in await world.job_states(A)] == ["cancelled", "awaiting_approval"]


async def test_a_commit_approved_in_one_repository_is_not_approved_in_another(world):
    await world.receive(forked(world))
    await world.receive(forked(world, forge="gitlab"))
    github = next(each for each in await world.pipelines() if each.forge == "github")
    await approve(world.deps, github.repository_id, A, "olivia")

    states = {each.forge: each.state for each in await world.pipelines()}
    assert states == {"github": "queued", "gitlab": "awaiting_approval"}


async def test_a_maintainers_push_of_a_waiting_commit_sets_it_going(world):
    await world.receive(forked(world))
    await world.receive(deliveries.github_push(world.repository, A, SECRET, sender=world.person(MAINTAINER)))

    [pipeline] = await world.pipelines()
    assert (pipeline.state, pipeline.branch, pipeline.pull_request) == ("queued", "main", 9)
    assert pipeline.trust == "pushed to refs/heads/main"


async def test_releasing_twice_queues_once(world):
    await world.receive(forked(world))
    [pipeline] = await world.pipelines()
    async with world.deps.begin() as db:
        assert len(await release(db, pipeline.id, reason="x")) == 1
        assert await release(db, pipeline.id, reason="x") == []


async def test_the_right_is_asked_live_each_time(world):
    await world.receive(forked(world, author=MAINTAINER))
    world.forges.grant(world.repository.id, MAINTAINER, Permission.READ)
    await world.receive(forked(world, author=MAINTAINER, head=B, updated_at="2026-02-01T00:00:00Z"))

    assert (await world.job_states(B))[-1][0] == JobState.AWAITING_APPROVAL


async def test_a_forks_pipeline_says_how_well_it_must_be_kept_apart_and_whose_build_files_count(world):
    world.repository.branches["main"] = C
    await world.receive(forked(world))

    [row] = await world.rows(pipeline)
    assert (row.isolation, row.base) == ("namespaces", C)


async def test_a_pipeline_of_the_repository_itself_may_run_anywhere(world):
    await world.receive(deliveries.github_push(world.repository, B, SECRET, sender=world.person(MAINTAINER)))

    [row] = await world.rows(pipeline)
    assert (row.isolation, row.base) == ("none", None)


async def test_a_repository_may_want_more_isolation_for_its_forks_than_the_settings(world):
    async with world.deps.begin() as db:
        mine = (await repositories.by_name(db, "acme/firmware"))["id"]
        await repositories.change(db, mine, fork_isolation="cgroup")

    await world.receive(forked(world))
    await world.receive(forked(world, forge="gitlab"))

    assert [each.isolation for each in await world.rows(world.tables.pipeline)] == ["cgroup", "namespaces"]
