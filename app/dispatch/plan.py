"""Open pipelines: the one place that inserts them and their jobs. The same meaning asked twice is one pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app import sealed
from app.db.models import Priority, Trigger
from app.db.queries import jobs, offers, pipelines, repositories
from app.db.queries.offers import Offer
from app.db.queries.outsiders import Outsider
from app.deps import Deps
from app.dispatch import groups, outsiders, queue, selection, sides
from app.dispatch.groups import Grouped
from app.dispatch.selection import Selection
from app.policy.rules import Group
from app.reporting.announce import announce
from app.settings import Settings
from app.states import JobState
from builders.protocol import Kind, Level

log = structlog.get_logger()

SERVICE = "service"
NO_BOARD = "no board is registered: connect a builder, then ask again"


@dataclass(frozen=True, kw_only=True)
class PipelineRequest:
    """What is asked for. Automatic requests have a dedupe key and report to the forge; dispatches have neither."""

    repository_id: int
    commit: str  # full hash
    trigger: Trigger
    kind: Kind = Kind.RUN
    dedupe_key: str | None = None
    branch: str | None = None
    takes_branch: bool = False  # shown under this branch even if another one had the commit before
    pull_request: int | None = None
    from_fork: bool = False
    outsider: Outsider | None = None  # whose it is, if nobody trusts it: only so much of theirs is taken on
    fetch_ref: str | None = None
    base: str | None = None  # of a fork's: the commit whose rules count; None: what is known of the commit already
    trusted_files: tuple[str, ...] = ()  # of those rules
    title: str = ""
    trust: str | None = None  # why it may run; None: its jobs await approval
    requested_by: str = ""
    delivery_id: int | None = None
    limit_s: float | None = None
    repeat: int = 1
    boards: tuple[str, ...] | list[str] = ()  # names of boards or of board types; none: all
    tags: tuple[str, ...] | list[str] = ()  # all of these, and none of those written with a dash
    configurations: tuple[str, ...] | list[str] = ()
    token: str | None = None  # for the remote of a dispatch
    priority: Priority = Priority.BRANCH
    groups: tuple[Group, ...] = ()  # of a rule, instead of boards, tags and configurations
    rule: str | None = None  # of the policy, that asks for it
    preset: str | None = None  # that a person asks by
    arguments: Mapping[str, str] = field(default_factory=dict)  # of the preset, for scripts
    file: str = ""  # of the rules, for messages
    error: str | None = None  # why nothing can be planned: the rules cannot be used
    compare_with: str | None = None  # the commit that this one is to be held against
    compare_why: str = ""  # how that one was found
    interleaved: bool = False  # build both and run them by turns
    apart: tuple[str | None, str | None] | None = None  # key and context instead, where no builder can do that
    pairs: int | None = None  # at most; None: as many as the rule of judging looks at
    budget_s: float | None = None  # for the pairs
    status_style: str = "aggregate"
    skipped_as: str = "pending"
    comment_style: str = "changes"
    fails_on: str = "never"  # or regression: a certain one fails its status
    context: str | None = None  # of the status; None: rigline/ and the kind
    reports: bool = False  # shows a status on the commit
    is_told: bool = True  # in the comment of its pull request too
    revives: bool = True  # tries again what was cancelled only because its pull request had moved on or gone
    status_memory: dict[str, Any] = field(default_factory=dict)  # what the forge's adapter needs to know for it


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What became of a request."""

    pipeline_id: int
    created: bool  # False: this commit's pipeline was there already
    job_ids: list[int]  # added or set going by this request
    error: str | None = None  # why there is nothing to do


async def open_pipeline(deps: Deps, request: PipelineRequest) -> Planned:
    """Open a pipeline with one job per target, or join the one this commit has; offer what may run.

    A rule that names a board, tag or configuration that nobody offers is the pipeline's error.

    Raises:
        Invalid: a dispatch names one.
    """
    async with deps.begin() as db:
        token = sealed.seal(deps.settings.secret_key.get_secret_value(), request.token) if request.token else None
        planned, queued = await _open(db, deps.settings, request, token)
    ids = {"repository": request.repository_id, "pipeline": planned.pipeline_id}
    log.info(
        "pipeline_opened" if planned.created else "pipeline_joined", **ids, commit=request.commit, jobs=len(queued)
    )
    if queued:
        await queue.offer(deps, queued, pipeline_id=planned.pipeline_id)
    else:
        await deps.notices.publish("pipeline", pipeline=planned.pipeline_id)
    if request.compare_with and not planned.created:  # a push had measured it before anybody knew of a base
        await deps.tasks.put("hold_pipeline", planned.pipeline_id)
    return planned


async def _open(
    db: AsyncConnection, settings: Settings, request: PipelineRequest, token: bytes | None
) -> tuple[Planned, list[int]]:
    offered = await offers.all_(db)
    targets, error = _planned(offered, request)
    request = _settled(offered, targets, request)
    if targets and request.outsider is not None:
        refusal = await outsiders.refusal(db, settings, request.repository_id, request.commit, request.outsider)
        if refusal:  # it is written down and shown on the commit, and says nothing else anywhere
            targets, error, request = [], refusal, replace(request, revives=False, is_told=False)
    columns = _columns(request) | {"isolation": await _isolation(db, settings, request)}
    if request.from_fork and request.base is None:
        columns |= await pipelines.known_base(db, request.repository_id, request.commit)
    pipeline_id = await pipelines.insert_new(db, **columns, error=error, token=token)
    if pipeline_id is None:
        return await _join(db, request, targets, error)
    added = await _add_jobs(db, pipeline_id, request, targets)
    await _report(db, request, {**columns, "id": pipeline_id})
    planned = Planned(pipeline_id=pipeline_id, created=True, job_ids=added, error=error)
    return planned, added if request.trust else []


async def _isolation(db: AsyncConnection, settings: Settings, request: PipelineRequest) -> str:
    """Say how well its builder must keep the job apart: an approved stranger's code is a stranger's still."""
    if not request.from_fork:
        return Level.NONE.value
    return await repositories.fork_isolation(db, request.repository_id) or settings.fork_isolation.value


def _planned(offered: Sequence[Offer], request: PipelineRequest) -> tuple[list[Grouped], str | None]:
    """Choose the targets. What a rule names wrongly is the pipeline's error; what a person names is refused."""
    if request.error is not None:
        return [], request.error
    if request.groups:
        return groups.chosen(offered, request.groups, request.file) if offered else ([], NO_BOARD)
    wanted = Selection(
        boards=tuple(request.boards), tags=tuple(request.tags), configurations=tuple(request.configurations)
    )
    targets = [Grouped(each, Group()) for each in selection.select(offered, wanted)]
    return targets, None if targets else NO_BOARD


def _settled(offered: Sequence[Offer], targets: Sequence[Grouped], request: PipelineRequest) -> PipelineRequest:
    """Say whether both commits run by turns. A pull request makes do with what is known of the base.

    Raises:
        Invalid: a dispatch asks for it, and no builder can.
    """
    if not request.interleaved:
        return request
    chosen = [each.chosen for each in targets]
    if request.trigger is Trigger.DISPATCH:
        sides.insist(offered, chosen)
    if request.compare_with is not None and not sides.lacking(offered, chosen):
        return replace(request, repeat=min(request.repeat, sides.MOST_REPEATS))
    key, context = request.apart or (request.dedupe_key, request.context)
    return replace(request, interleaved=False, dedupe_key=key, context=context)


def _columns(request: PipelineRequest) -> dict[str, Any]:
    same = ("repository_id", "commit", "kind", "trigger", "dedupe_key", "branch", "pull_request", "from_fork")
    more = ("fetch_ref", "base", "title", "trust", "requested_by", "delivery_id", "limit_s", "repeat")
    compared = ("compare_with", "compare_why", "interleaved", "pairs", "budget_s")
    ruled = ("rule", "preset", "arguments", "status_style", "skipped_as", "comment_style", "fails_on")
    who = request.outsider
    whose = {"author_id": who.author, "fork_owner": who.owner[:255] or None} if who else {}
    files = {"trusted_files": list(request.trusted_files)}
    return {name: getattr(request, name) for name in (*same, *more, *ruled, *compared)} | whose | files


async def _add_jobs(
    db: AsyncConnection, pipeline_id: int, request: PipelineRequest, targets: list[Grouped]
) -> list[int]:
    state = JobState.QUEUED if request.trust else JobState.AWAITING_APPROVAL
    added = [
        await jobs.add(
            db,
            pipeline_id,
            each.chosen.target,
            state=state,
            priority=request.priority,
            board=each.chosen.board,
            place=jobs.Place(group=each.group.name, needs=each.group.needs, facts=each.chosen.facts),
        )
        for each in targets
    ]
    return [job_id for job_id in added if job_id is not None]


async def _report(db: AsyncConnection, request: PipelineRequest, found: Mapping[str, Any]) -> None:
    if request.reports:
        await announce(db, found, request.status_memory, request.context, is_told=request.is_told)


async def _join(
    db: AsyncConnection, request: PipelineRequest, targets: list[Grouped], error: str | None
) -> tuple[Planned, list[int]]:
    """Add what this request knows to the pipeline the commit has, and set going what it allows."""
    found = await pipelines.lock_by_key(db, request.repository_id, request.dedupe_key or "")
    learned = _learned(found, request)
    if learned:
        await pipelines.change(db, found["id"], **learned)
    trusted = bool(found["trust"] or request.trust)
    moved = await release(db, found["id"], reason=request.trust or "") if request.trust else []
    moved += await _revive(db, found["id"]) if request.revives else []
    if not await pipelines.has_jobs(db, found["id"]) and targets:
        moved += await _add_jobs(db, found["id"], request, targets)
        await pipelines.change(db, found["id"], error=None)
    elif not targets and found["error"] is not None:
        await pipelines.change(db, found["id"], error=error)
    await _report(db, request, {**found, **learned})
    planned = Planned(pipeline_id=found["id"], created=False, job_ids=moved, error=error)
    return planned, moved if trusted else []


def _learned(found: sa.RowMapping, request: PipelineRequest) -> dict[str, Any]:
    """Say what the pipeline did not know: a push and a pull request may come in any order."""
    new: dict[str, Any] = {}
    if request.branch and (found["branch"] is None or request.takes_branch):
        new.update(branch=request.branch, fetch_ref=request.fetch_ref)
    if request.pull_request is not None and found["pull_request"] is None:
        new["pull_request"] = request.pull_request
    if request.trust and found["trust"] is None:
        new["trust"] = request.trust
    if request.trust and not request.from_fork and found["from_fork"]:
        new.update(from_fork=False, isolation=Level.NONE.value)
    if request.compare_with and found["compare_with"] is None:
        new.update(compare_with=request.compare_with, compare_why=request.compare_why)
    if request.title and not found["title"]:
        new["title"] = request.title
    if request.base and found["base"] is None and found["from_fork"]:  # the rules there could not be used at first
        new.update(base=request.base, trusted_files=list(request.trusted_files))
    return new


async def release(db: AsyncConnection, pipeline_id: int, *, reason: str, actor: str = SERVICE) -> list[int]:
    """Queue the jobs of a pipeline that awaited approval; the caller offers them after the commit."""
    waiting = await pipelines.jobs_in(db, pipeline_id, [JobState.AWAITING_APPROVAL])
    return [
        job_id
        for job_id in waiting
        if await jobs.move(db, job_id, JobState.QUEUED, actor=actor, reason=reason) is not None
    ]


async def _revive(db: AsyncConnection, pipeline_id: int) -> list[int]:
    """Try again what was cancelled only because its pull request or branch had moved on or gone: it is back.

    What nobody trusted awaits approval again.
    """
    gone = await pipelines.jobs_cancelled_automatically(db, pipeline_id)
    return [await jobs.retry(db, job_id, actor=SERVICE) for job_id in gone]
