"""A pull request was opened, moved, marked, or closed."""

from dataclasses import replace

from app.db.models import Priority, Trigger
from app.db.queries import alerts, pipelines, pull_requests
from app.db.queries.outsiders import Outsider
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest, Planned
from app.handlers import approval
from app.handlers.occasion import Occasion
from app.handlers.policy import Base, open_by_rules, rules_at, told
from app.handlers.trust import may_write, trust_in
from app.policy.rules import Happening, On, matching
from app.policy.section import PolicyError
from app.reporting import wording
from integrations.events import PullRequestAction, PullRequestChanged
from integrations.forge import Permanent, Transient


async def on_changed(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str:
    """Open the pipelines that the rules want for the newest head; without trust their jobs await approval."""
    async with deps.begin() as db:  # news is taken over under a lock: what comes late changes nothing
        known = await pull_requests.note(db, occasion.repository_id, occasion.delivery_id, event)
    if not known["open"]:
        return f"closed: {await _drop(event, occasion, deps, pipelines.CLOSED)} waiting jobs cancelled"
    if known["head"] != event.commit:
        newer = known["head"]
        await _drop(event, occasion, deps, f"{pipelines.SUPERSEDED}{newer}", commit=event.commit)
        return f"superseded by {newer}: that head was known before this delivery came"
    if event.action is PullRequestAction.LABELLED:
        return await _labelled(event, occasion, deps)
    return await _changed(event, occasion, deps, draft=bool(known["draft"]))


async def _drop(
    event: PullRequestChanged, occasion: Occasion, deps: Deps, reason: str, *, commit: str | None = None
) -> int:
    """Cancel what waits for the pull request, or for one commit of it; return how many jobs that were."""
    async with deps.begin() as db:
        stale = await pipelines.waiting_jobs(db, occasion.repository_id, pull_request=event.number, commit=commit)
    await cancel.cancel_jobs(deps, stale, actor="service", reason=reason)
    return len(stale)


async def _changed(event: PullRequestChanged, occasion: Occasion, deps: Deps, *, draft: bool) -> str:
    labels = frozenset(event.labels)
    happening = Happening(event=On.PULL_REQUEST, branch=event.base_branch, labels=labels, draft=draft)
    planned, verdict = await _open(happening, event, occasion, deps)
    if draft and not planned:
        dropped = await _drop(event, occasion, deps, pipelines.DRAFT)
        return f"a draft: nothing runs by itself, {dropped} waiting jobs cancelled"
    return verdict


async def _labelled(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str:
    """Listen to a label only if who set it may write: others may hold the right to sort, and not to run."""
    if not await may_write(event.sender, occasion):
        return f"nothing to do for the label {event.label}: {event.sender.name} may not write"
    verdicts = []
    for label in event.new_labels:
        verdicts += await _by_label(label, event, occasion, deps)
    return "; ".join(verdicts) or f"nothing to do for the label {event.label}"


async def _by_label(label: str, event: PullRequestChanged, occasion: Occasion, deps: Deps) -> list[str]:
    try:
        found = (await rules_at(Base(branch=event.base_branch), occasion, deps)).policy
    except PolicyError as problem:
        return [f"label {label}: {problem}"]
    verdicts = [await approval.by_label(event, occasion, deps)] if label in found.approve_labels else []
    happening = Happening(event=On.LABEL, branch=event.base_branch, labels=frozenset(event.labels), label=label)
    asked = matching(found, happening)
    if asked:
        verdicts.append((await _open(happening, event, occasion, deps))[1])
    if any(each.remove_label for each in asked):  # so that it can be set again
        verdicts += await _take_off(label, event.number, occasion, deps)
    return verdicts


async def _take_off(label: str, number: int, occasion: Occasion, deps: Deps) -> list[str]:
    """Take a label off. That the forge refuses it undoes nothing: the work was asked for, and somebody has to look."""
    name, problem = occasion.repository["full_name"], None
    try:
        await occasion.forge.remove_label(occasion.facts(), number, label)
    except Permanent as refused:
        problem = refused
    subject, text = wording.label_refused(name, label, str(problem))
    async with deps.begin() as db:
        if problem is None:
            await alerts.resolve(db, alerts.LABEL_REFUSED, subject)
        else:
            await alerts.raise_(db, alerts.LABEL_REFUSED, subject, text, repository_id=occasion.repository_id)
    return [] if problem is None else [f"label {label} stays: {problem}"]


async def _open(
    happening: Happening, event: PullRequestChanged, occasion: Occasion, deps: Deps
) -> tuple[list[Planned], str]:
    """Open the pipelines also while the forge does not say who may write: people see them, and nothing runs."""
    try:
        trust, unknown = await trust_in(event, occasion, deps), None
    except Transient as problem:
        trust, unknown = None, problem
    base = Base(branch=event.base_branch)
    request = _request(event, occasion, trust)
    if event.from_fork and not trust and happening.event is On.PULL_REQUEST:  # a label is the wish of one who may write
        request = replace(request, outsider=_outsider(event))
    planned = await open_by_rules(happening, base, request, occasion, deps)
    if unknown is not None:
        raise unknown
    return planned, told(planned) + (", awaiting approval" if planned and not trust else "")


def _outsider(event: PullRequestChanged) -> Outsider:
    return Outsider(author=event.author.id, owner=event.source_owner, pull_request=event.number)


def _request(event: PullRequestChanged, occasion: Occasion, trust: str | None) -> PipelineRequest:
    return PipelineRequest(
        repository_id=occasion.repository_id,
        commit=event.commit,
        trigger=Trigger.PULL_REQUEST,
        branch=None if event.from_fork else event.head_branch,
        pull_request=event.number,
        from_fork=event.from_fork,
        fetch_ref=event.fetch_ref,
        title=event.title,
        trust=trust,
        requested_by=event.author.name,
        delivery_id=occasion.delivery_id,
        priority=Priority.PULL_REQUEST,
        reports=True,
        status_memory={
            "ref": event.head_branch,
            "pull_request": event.number,
            "source_repository": event.source_repository,
        },
    )
