"""A pull request is held against its merge base, whatever shape its history has, and the base is named by its hash."""

import os
import subprocess
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.db.tables import job, pipeline
from app.reporting.announce import judged
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.world import FakeRepository
from tests.compared import WORSE, compare, row
from tests.specs.world import MAINTAINER, SECRET

WHO = {
    f"GIT_{role}_{what}": said
    for role in ("AUTHOR", "COMMITTER")
    for what, said in (("NAME", "ann"), ("EMAIL", "ann@example.org"))
}


class History:
    """A real git repository, and the fake forge that shows the same commits."""

    def __init__(self, world, folder):
        self.world, self.folder, self.said = world, folder, 0
        self.git("init", "--quiet", "--initial-branch=main")
        self.pull = Pull(number=5, head="", branch="topic", author=world.person(MAINTAINER))

    def git(self, *words):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", **WHO}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, text):
        """Commit something that no other commit has."""
        self.said += 1
        (self.folder / f"{self.said}").write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", text)
        return self.git("rev-parse", "HEAD")

    def show(self):
        """Let the forge show all that git has."""
        for line in self.git("log", "--all", "--format=%H %P").splitlines():
            self.world.repository.grow(*line.split())
        for line in self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").splitlines():
            name, commit = line.split()
            self.world.repository.branches[name] = commit

    async def open(self, head, **more):
        self.show()
        self.pull = replace(self.pull, head=head, **more)
        await self.world.receive(deliveries.github_pull_request(self.world.repository, "opened", self.pull, SECRET))

    async def push(self, head):
        self.show()
        before, self.pull = self.pull.head, replace(self.pull, head=head)
        made = deliveries.github_pull_request(self.world.repository, "synchronize", self.pull, SECRET, before=before)
        await self.world.receive(made)

    async def named(self, head):
        """Say which baseline the row has, and which one the comment names once both were compared."""
        deps = self.world.deps
        async with deps.begin() as db:
            found = (await db.execute(sa.select(pipeline).where(pipeline.c.commit == head))).mappings().one()
            job_id = await db.scalar(sa.select(job.c.id).where(job.c.pipeline_id == found["id"]))
        await compare(deps, job_id, [row(**WORSE)])
        async with deps.begin() as db:
            await judged(db, found["id"])
        await self.world.send()
        [text] = self.world.comments(5)
        about = next(line for line in text.splitlines() if line.startswith("Commit "))
        return found["compare_with"], about.partition(" against ")[2].partition(" · ")[0]


@pytest.fixture
async def history(world, tmp_path):
    await world.offer("nucleo")
    found = History(world, tmp_path)
    for text in ("first", "second", "third"):
        found.commit(text)
    return found


def expected(history, head, branch="main"):
    """Ask git itself."""
    base = history.git("merge-base", branch, head)
    return base, f"`merge base with {branch}` `{base[:10]}`"


async def test_of_a_fork_it_is_the_commit_where_the_fork_left(history):
    world = history.world
    fork = world.forges.add(FakeRepository(4343, "outsider/firmware", forbidden=True))
    left = history.git("rev-parse", "main~1")
    history.git("checkout", "--quiet", "--detach", left)
    head = history.commit("of the fork")
    history.git("update-ref", "refs/fork/topic", head)
    history.git("checkout", "--quiet", "main")
    history.commit("main went on")
    await history.open(head, fork=fork)

    assert await history.named(head) == expected(history, head)
    assert expected(history, head)[0] == left


async def test_of_a_rebased_one_it_is_the_commit_that_it_was_put_upon(history):
    history.git("checkout", "--quiet", "-b", "topic", "main~1")
    before = history.commit("a change")
    await history.open(before)
    await history.named(before)
    history.git("rebase", "--quiet", "main")
    head = history.git("rev-parse", "topic")
    await history.push(head)

    assert await history.named(head) == expected(history, head)
    assert expected(history, head)[0] == history.git("rev-parse", "main")


async def test_of_a_stacked_one_it_is_in_the_branch_it_goes_to_and_not_in_main(history):
    history.git("checkout", "--quiet", "-b", "lower", "main")
    left = history.commit("the lower change")
    history.git("checkout", "--quiet", "-b", "topic", "lower")
    head = history.commit("the upper change")
    history.git("checkout", "--quiet", "lower")
    history.commit("the lower one went on")
    await history.open(head, base="lower")

    assert await history.named(head) == expected(history, head, "lower")
    assert expected(history, head, "lower")[0] == left != history.git("merge-base", "main", head)


async def test_of_one_that_took_main_in_by_a_merge_it_is_the_commit_that_was_merged(history):
    history.git("checkout", "--quiet", "-b", "topic", "main~2")
    history.commit("a change")
    merged = history.git("rev-parse", "main")
    history.git("merge", "--quiet", "--no-edit", "main")
    head = history.git("rev-parse", "topic")
    history.git("checkout", "--quiet", "main")
    history.commit("main went on")
    await history.open(head)

    assert await history.named(head) == expected(history, head)
    assert expected(history, head)[0] == merged


async def test_after_a_forced_push_it_is_that_of_the_new_head(history):
    history.git("checkout", "--quiet", "-b", "topic", "main")
    before = history.commit("a change")
    await history.open(before)
    history.git("reset", "--quiet", "--hard", "main~2")
    head = history.commit("another change, upon an older commit")
    await history.push(head)

    assert await history.named(head) == expected(history, head)
    assert expected(history, head)[0] == history.git("rev-parse", "main~2")


async def test_a_base_that_the_forge_does_not_tell_is_no_baseline_and_stops_nothing(history):
    history.git("checkout", "--quiet", "--orphan", "topic")
    head = history.commit("without a common commit")
    await history.open(head)

    [found] = [each for each in await history.world.rows(pipeline) if each.commit == head]
    assert (found.compare_with, found.compare_why) == (None, "")
    assert await history.world.job_states(head) == [("queued", "")]
