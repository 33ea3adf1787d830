"""Words for tests of rules: commit them to a branch, push, open a pull request, and see what runs."""

from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from tests.specs.world import MAINTAINER, SECRET

A, B, C, BASE = "a" * 40, "b" * 39 + "0", "c" * 40, "d" * 40


def rules(world, text, *, commit=BASE, branch="main"):
    """Commit rules to a branch."""
    for each in (world.repository, world.project):
        each.grow(commit, branch=branch, files={".rigline.toml": text.encode()})


def push(world, commit=A, *, ref="refs/heads/topic", forge="github", **more):
    target = world.repository if forge == "github" else world.project
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return send(target, commit, SECRET, ref=ref, sender=world.person(MAINTAINER), **more)


def pull(world, action="opened", head=A, *, author=MAINTAINER, sender=None, before=None, label=None, **more):
    made = Pull(number=5, head=head, branch="faster", author=world.person(author), **more)
    more = {"label": label} if label else {}
    by = world.person(sender or author)
    return deliveries.github_pull_request(world.repository, action, made, SECRET, before=before, sender=by, **more)


async def targets(world, commit=A):
    """List what a commit's jobs run on, in words."""
    ids = {each.id for each in await world.pipelines(commit=commit)}
    rows = [each for each in await world.rows(world.tables.job) if each.pipeline_id in ids and not each.replaced]
    return [f"{each.board_type} {each.configuration}" for each in rows]
