"""retry, cancel, approve and revoke: what comments do to work that is there."""

from app.db.queries import commanded, heard, jobs
from app.db.queries.approvals import Approver
from app.db.queries.commanded import JobFound
from app.dispatch import cancel, queue
from app.handlers import approval
from app.handlers.commands import subject
from app.handlers.commands.scene import RIGHT, Refused, Scene, Step
from app.handlers.commands.verbs import RULES, Command, Verb
from app.reporting import replies
from app.states import OPEN


async def prepare_retry(command: Command, index: int, scene: Scene) -> Step:
    """Check what a retry means.

    Raises:
        Refused: the job is of something else, or nobody trusted the head.
    """
    await subject.of(command, scene)
    found = await _meant(command, scene)
    if found is None:
        async with scene.deps.begin() as db:
            found = await commanded.jobs_at(db, scene.repository_id, scene.pull.number, scene.head)
    everything = command.scope == "all" or command.job is not None
    return lambda: _retry(index, scene, found, everything=everything)


async def _retry(index: int, scene: Scene, found: list[JobFound], *, everything: bool) -> str:
    """Retry and count as carried out in one transaction: a second try after a crash must not retry the retried."""
    ended = commanded.to_retry(found, everything=everything)
    note = "" if ended else _why_none(found)
    async with scene.deps.begin() as db:
        is_first = await heard.progress(db, scene.hearing.id, index + 1, note)
        new = [await jobs.retry(db, each, actor=scene.event.author.name) for each in ended if is_first]
    if new:
        await queue.offer(scene.deps, new)
    for pipeline_id in {each.pipeline_id for each in found if each.id in ended}:
        await scene.deps.notices.publish("pipeline", pipeline=pipeline_id)
    return note


def _why_none(found: list[JobFound]) -> str:
    is_open = any(each.state in OPEN for each in found)
    return replies.is_tried_again() if is_open else replies.nothing_to("try again")


async def prepare_cancel(command: Command, index: int, scene: Scene) -> Step:
    """Check what a cancel means: one's own, or as somebody who may write.

    Raises:
        Refused: the right is missing, or the job is of something else.
    """
    found = await _meant(command, scene)
    if found is None:
        mine = None if command.scope == "all" else scene.event.author.id
        async with scene.deps.begin() as db:
            found = await commanded.open_jobs(db, scene.repository_id, scene.pull.number, actor_id=mine)
        is_mine = mine is not None
    else:
        is_mine = all(each.actor_id == scene.event.author.id for each in found)
    if not is_mine and not scene.may_write:
        raise Refused(replies.not_allowed(Verb.CANCEL, RULES[Verb.CANCEL].who), kind=RIGHT)
    return lambda: _cancel(scene, [each.id for each in found if each.state in OPEN])


async def _cancel(scene: Scene, open_jobs: list[int]) -> str:
    if not open_jobs:
        return replies.nothing_to("cancel")
    name = scene.event.author.name
    await cancel.cancel_jobs(scene.deps, open_jobs, actor=name, reason=f"cancelled by {name} in a comment")
    return ""


async def _meant(command: Command, scene: Scene) -> list[JobFound] | None:
    """Find the one job that a command names; None if it names none."""
    if command.job is None:
        return None
    async with scene.deps.begin() as db:
        found = await commanded.one_job(db, scene.repository_id, scene.pull.number, command.job)
    if found is None:
        raise Refused(replies.no_job(command.job))
    return [found]


async def prepare_approve(command: Command, index: int, scene: Scene) -> Step:
    """Check that the commit somebody looked at is the head: it is that one which is trusted, and no other.

    Raises:
        Refused: it is not, or no commit is named.
    """
    seen = scene.event.seen_commit
    if command.sha is None and seen is None:
        raise Refused(replies.which_commit(scene.head, scene.prefix))
    if command.sha is None and seen != scene.head:
        raise Refused(replies.head_moved(seen or "", scene.head))
    if command.sha is not None and not scene.head.startswith(command.sha):
        raise Refused(replies.other_head(command.sha, scene.head, scene.prefix))
    scene.approved.add(scene.head)
    return lambda: _approve(scene)


async def _approve(scene: Scene) -> str:
    event = scene.event
    approver = Approver(
        name=event.author.name,
        id=event.author.id,
        via="review" if event.seen_commit else "command",
        pull_request=event.number,
        delivery_id=scene.occasion.delivery_id,
    )
    await approval.trust(scene.deps, scene.repository_id, scene.head, approver)
    return ""


async def prepare_revoke(command: Command, index: int, scene: Scene) -> Step:
    """Check nothing: who may write may take approvals back."""
    scene.approved.clear()

    async def revoke() -> str:
        commits, cancelled = await approval.revoke(
            scene.deps, scene.repository_id, scene.pull.number, scene.event.author.name
        )
        return replies.revoked(len(commits), cancelled)

    return revoke
