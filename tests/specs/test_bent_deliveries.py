"""Thousands of signed deliveries that are bent somewhere: none is a 5xx, none is more than what it was bent from."""

import asyncio
import gc
import os
import random
import resource
from pathlib import Path

from app.db.tables import approval, job
from integrations.fake import deliveries
from integrations.fake.deliveries import ZERO, FakeRepository, Person, Pull
from tests.specs import gitlab_examples
from tests.specs.mutation import bent
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

HOW_MANY = int(os.environ.get("RIGLINE_TEST_BENT", "300"))  # `make test-all` takes 10,000
BATCH, AT_ONCE = 250, 8
STATM = Path("/proc/self/statm")
GROWTH_KIB = 96 << 10  # of the whole process, after the first batch
FORK = FakeRepository(999, "stranger/firmware")


def sha(number):
    return f"{number:02x}" * 20


def originals(world):
    """List deliveries of every kind, each with a commit of its own."""
    ours, theirs = world.person(MAINTAINER), world.person(OUTSIDER)
    bot = Person(id=theirs.id, name=OUTSIDER, is_bot=True)
    hub, lab = world.repository, world.project

    def pull(number, author=ours, **more):
        return Pull(**{"number": number, "head": sha(number), "branch": f"b{number}", "author": author, **more})

    return [
        deliveries.github_ping(SECRET),
        deliveries.github_push(hub, sha(1), SECRET, sender=ours, before=sha(2), message="Fix\n\nmore"),
        deliveries.github_push(hub, sha(3), SECRET, sender=ours, ref="refs/tags/v1"),
        deliveries.github_push(hub, ZERO, SECRET, sender=ours, ref="refs/heads/gone", before=sha(4)),
        deliveries.github_pull_request(hub, "opened", pull(5), SECRET),
        deliveries.github_pull_request(hub, "synchronize", pull(6), SECRET, before=sha(7)),
        deliveries.github_pull_request(hub, "opened", pull(8, theirs, fork=FORK), SECRET),
        deliveries.github_pull_request(hub, "synchronize", pull(9, theirs, fork=FORK), SECRET, sender=ours),
        deliveries.github_pull_request(hub, "opened", pull(10, theirs, fork=FORK, fork_is_gone=True), SECRET),
        deliveries.github_pull_request(hub, "labeled", pull(11, theirs, fork=FORK), SECRET, label="x", sender=theirs),
        deliveries.github_pull_request(hub, "closed", pull(12), SECRET),
        deliveries.github_comment(hub, pull(8, theirs), "/rig run", SECRET, author=theirs, comment=1),
        deliveries.github_comment(hub, pull(8, theirs), f"/rig approve {sha(8)}", SECRET, author=bot, comment=2),
        deliveries.github_comment(hub, pull(8), "/rig run", SECRET, author=ours, comment=3, action="edited"),
        deliveries.github_review(hub, pull(9, theirs), "/rig approve", SECRET, author=theirs, state="approved"),
        deliveries.github_review_comment(hub, pull(9, theirs), "/rig run", SECRET, author=theirs, comment=4),
        deliveries.github_merge_group(hub, "checks_requested", sha(13), SECRET, sender=ours),
        deliveries.github_merge_group(hub, "destroyed", sha(14), SECRET, sender=ours),
        deliveries.github_check_rerequested(hub, sha(8), SECRET, sender=theirs, external_id="job:1"),
        deliveries.github_repository(hub, "created", SECRET, sender=ours),
        deliveries.gitlab_push(lab, sha(15), SECRET, sender=ours, before=sha(16)),
        deliveries.gitlab_push(lab, sha(17), SECRET, sender=ours, ref="refs/tags/v2"),
        deliveries.gitlab_merge_request(lab, "open", pull(18), SECRET),
        deliveries.gitlab_merge_request(lab, "open", pull(19, theirs, fork=FORK), SECRET),
        deliveries.gitlab_merge_request(lab, "update", pull(20, theirs, fork=FORK), SECRET, oldrev=sha(21)),
        deliveries.gitlab_note(lab, pull(19, theirs, fork=FORK), "/rig run", SECRET, author=theirs),
        *(deliveries.gitlab(header, body, SECRET) for header, body, _ in of_gitlab(world).values()),
    ]


def of_gitlab(world):
    """List every kind of webhook and system hook that GitLab documents."""
    ours, theirs = world.person(MAINTAINER), world.person(OUTSIDER)
    return gitlab_examples.project_hooks(ours, theirs) | gitlab_examples.system_hooks(ours)


def expected_of_gitlab(world):
    """Say which commits of those may run, and which may only wait."""
    said = of_gitlab(world)
    ours, of_forks = gitlab_examples.opening(said)
    # Without its mark a draft is one that may run.
    drafted = said["merge request drafted"][1]["object_attributes"]["last_commit"]["id"]
    name = world.project.full_name
    return {(name, each) for each in (*ours, drafted)}, {(name, each) for each in of_forks}


async def made(world):
    """Say which commits have a job that may run, which have any, and how many approvals there are."""
    commits = {each.id: (each.repository, each.commit) for each in await world.pipelines(limit=100_000)}
    rows = await world.rows(job)
    may_run = {commits[row.pipeline_id] for row in rows if row.state != "awaiting_approval"}
    return may_run, set(commits.values()), len(await world.rows(approval))


async def test_bent_deliveries_are_no_5xx_and_make_no_job_that_the_straight_ones_would_not(world):
    await world.offer("nucleo")
    kinds = originals(world)
    expected_to_run = {
        *(("acme/firmware", sha(number)) for number in (1, 3, 5, 6, 13)),
        *(("acme/sub/group/firmware", sha(number)) for number in (15, 17, 18)),
    }
    expected = {("acme/firmware", sha(number)) for number in (8, 9, 10)} | expected_to_run
    expected |= {("acme/sub/group/firmware", sha(number)) for number in (19, 20)}
    more_to_run, more_to_wait = expected_of_gitlab(world)
    expected_to_run |= more_to_run
    expected |= more_to_run | more_to_wait
    answered, memory = {}, []

    for number in range(0, HOW_MANY, BATCH):
        for status in await _deliver(world, kinds, range(number, min(number + BATCH, HOW_MANY))):
            answered[status] = answered.get(status, 0) + 1
        await world.work()
        world.forges.calls.clear()
        memory.append(resident_kib())

    assert set(answered) <= {202, 200, 400, 401}, answered  # 401: a body that names a repository differently
    verdicts = await world.verdicts()
    assert len(verdicts) == answered[202]
    wrong = [each for each in verdicts if each is None or each.startswith(("given up", "try"))]
    assert not wrong, wrong[:5]
    may_run, all_of_them, approvals = await made(world)
    assert may_run <= expected_to_run
    assert all_of_them <= expected
    assert approvals == 0
    assert may_run, "nothing was opened at all: the bending leaves too little"
    assert memory[-1] - memory[0] < GROWTH_KIB, memory


def resident_kib():
    """Say how much memory this process has now; where the system does not tell, how much it had at most."""
    gc.collect()
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * resource.getpagesize() >> 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def test_the_straight_deliveries_make_what_is_expected_of_them(world):
    """Without this the test above could pass by making nothing."""
    await world.offer("nucleo")
    for each in originals(world):
        assert (await world.deliver(each)).status_code == 202
    await world.work()

    may_run, all_of_them, _ = await made(world)
    more_to_run, more_to_wait = expected_of_gitlab(world)
    ours, of_forks = {sha(each) for each in (1, 3, 5, 6, 13, 15, 17, 18)}, {sha(each) for each in (8, 9, 10, 19, 20)}
    assert {commit for _, commit in may_run - more_to_run} == ours
    assert len(more_to_run - may_run) == 1, "the draft"
    assert {commit for _, commit in all_of_them - may_run - more_to_wait} == of_forks
    assert more_to_wait <= all_of_them


async def _deliver(world, kinds, numbers):
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number):
        chance = random.Random(number)
        straight = chance.choice(kinds)
        body = bent(straight.body, chance)
        again = deliveries.github if straight.path.endswith("github") else deliveries.gitlab
        kind = straight.headers.get("X-GitHub-Event") or straight.headers["X-Gitlab-Event"]
        async with gate:
            return (await world.deliver(again(kind, body, SECRET))).status_code

    return await asyncio.gather(*(one(number) for number in numbers))
