"""status and help: answered for anybody, but not again and again."""

from app.db.queries import commanded, conversations, heard, pipelines, why
from app.handlers.commands import reference
from app.handlers.commands.scene import Refused, Scene, Step
from app.handlers.commands.verbs import Command, Verb
from app.reporting import replies
from app.states import JobState

WAITS_TOLD = 5  # jobs
STATUS_EVERY_S, HELP_EVERY_S = 60.0, 600.0  # per pull request


async def prepare_status(command: Command, index: int, scene: Scene) -> Step:
    """Check that it was not said just now.

    Raises:
        Refused: the job is of something else.
    """
    if await _was_said(Verb.STATUS, STATUS_EVERY_S, scene):
        return _nothing
    if command.job is None:
        return lambda: _show(scene)
    async with scene.deps.begin() as db:
        found = await commanded.one_job(db, scene.repository_id, scene.pull.number, command.job)
        if found is None:
            raise Refused(replies.no_job(command.job))
        waits = (await why.waits(db, [found.id], scene.deps.settings.caps)).get(found.id)
    told = replies.job_state(found.id, found.state, _url(scene, found.id), waits.text if waits else "")

    async def tell() -> str:
        return told

    return tell


async def _show(scene: Scene) -> str:
    """Let the one comment be written, or brought up to date, and say in a reply what queued jobs wait for."""
    async with scene.deps.begin() as db:
        newest = await commanded.newest_pipeline(db, scene.repository_id, scene.pull.number, scene.head)
        if newest is None:
            return replies.nothing_run(scene.head)
        await pipelines.change(db, newest, comment_style="always")
        await conversations.speak_of(db, scene.repository_id, scene.pull.number, newest)
        queued = await pipelines.jobs_in(db, newest, [JobState.QUEUED])
        waits = await why.waits(db, queued[:WAITS_TOLD], scene.deps.settings.caps)
    told = [(job_id, _url(scene, job_id), each.text) for job_id, each in sorted(waits.items())]
    return replies.waiting_jobs(told, len(queued) - len(told)) if told else ""


def _url(scene: Scene, job_id: int) -> str:
    return f"{scene.deps.settings.public_url}/jobs/{job_id}"


async def prepare_help(command: Command, index: int, scene: Scene) -> Step:
    """Check that it was not said a moment ago."""
    if await _was_said(Verb.HELP, HELP_EVERY_S, scene):
        return _nothing
    text = reference.one(command.topic, scene.prefix) if command.topic else reference.short(scene.prefix)

    async def tell() -> str:
        return text

    return tell


async def _was_said(verb: Verb, seconds: float, scene: Scene) -> bool:
    async with scene.deps.begin() as db:
        return await heard.shown_lately(
            db, scene.repository_id, scene.pull.number, verb, seconds=seconds, but=scene.hearing.id
        )


async def _nothing() -> str:
    return ""
