"""Rules that go by the clock: each is seen to once, by whichever worker comes first; what was missed, once too."""

import datetime

import structlog

from app.db.models import Priority, Trigger
from app.db.queries import alerts, repositories, schedules
from app.db.queries.schedules import Due, Wanted
from app.deps import Deps
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.handlers.occasion import Occasion
from app.handlers.policy import Base, Found, occasion_for, refused, ruled, rules_at
from app.policy import cron
from app.policy.rules import Happening, On, Policy, Rule
from app.policy.section import PolicyError
from app.reporting import wording
from integrations.forge import ForgeError, Permanent

AT_ONCE = 20  # schedules, and repositories, that one round takes on
LATE_S = 15 * 60.0  # a rule that does not catch up is passed over when it is later than this

log = structlog.get_logger()


async def run_due(deps: Deps) -> int:
    """See to what is due, and to repositories whose schedules are not known; return how many were due."""
    async with deps.begin() as db:
        found = await schedules.due(db, AT_ONCE)
        unread = await schedules.unread(db, AT_ONCE)
    for repository_id in unread:
        await _read(deps, repository_id)
    for each in found:
        try:
            await _run(deps, each)
        except Permanent as problem:  # passed over: to ask again all day would not help
            await _tell_of_refusal(deps, each, problem)
            await _advance(deps, each)
        except ForgeError as problem:  # stays due
            log.warning("schedule_waits", schedule=each.id, error=str(problem)[:200])
    return len(found)


async def follow(found: Found, occasion: Occasion, deps: Deps) -> None:
    """Take over the schedules of rules that were read at the default branch."""
    async with deps.begin() as db:
        now = await schedules.clock(db)
        await schedules.follow(db, occasion.repository_id, found.commit, _wanted(found.policy, now))


async def follow_push(base: Base, occasion: Occasion, deps: Deps) -> None:
    """Take over the schedules of a push to the default branch; rules that cannot be used change none.

    Raises:
        Transient: the forge does not answer.
    """
    try:
        found = await rules_at(base, occasion, deps)
    except PolicyError as problem:
        log.info("schedules_kept", repository=occasion.repository_id, error=str(problem)[:200])
    else:
        await follow(found, occasion, deps)


def _wanted(policy: Policy, now: datetime.datetime) -> list[Wanted]:
    listed = [(each, next_time(each.schedule, each.zone, now)) for each in policy.rules if each.schedule]
    return [
        Wanted(rule=rule.name, cron=rule.schedule, zone=rule.zone, next_at=next_at)
        for rule, next_at in listed
        if next_at is not None
    ]


def next_time(text: str, zone: str, now: datetime.datetime) -> datetime.datetime | None:
    """Say when a schedule is due next; None: never."""
    return cron.parse(text).after(now, cron.zone(zone))


async def _read(deps: Deps, repository_id: int) -> None:
    """Look for schedules in a repository that nobody has looked at; rules that cannot be used have none."""
    occasion = await occasion_for(deps, repository_id)
    if occasion is None:
        return
    try:
        found = await rules_at(_base(occasion), occasion, deps)
    except PolicyError:
        async with deps.begin() as db:
            await schedules.follow(db, repository_id, None, [])
    except ForgeError as problem:
        log.warning("rules_not_read", repository=repository_id, error=str(problem)[:200])
    else:
        await follow(found, occasion, deps)


def _base(occasion: Occasion) -> Base:
    return Base(branch=occasion.repository["default_branch"])


async def _run(deps: Deps, due: Due) -> None:
    """Open the pipelines of one schedule by the rules of today, and set its next time."""
    occasion = await occasion_for(deps, due.repository_id)
    rule: Rule | None = None
    if occasion is not None:
        try:
            found = await rules_at(_base(occasion), occasion, deps)
        except PolicyError as problem:
            await _tell(deps, due, occasion, problem)
        else:
            await follow(found, occasion, deps)  # a schedule that changed has another time now
            rule = found.policy.rule(due.rule)
            if rule is not None and (rule.schedule, rule.zone) == (due.cron, due.zone) and _in_time(rule, due):
                await _open(deps, due, occasion, rule, found.policy)
    await _tell_of_refusal(deps, due, None)
    await _advance(deps, due)


async def run_for(deps: Deps, due: Due) -> list[int] | None:
    """Open the pipelines of a schedule at once, for a person; None if its rule is gone.

    Raises:
        PolicyError: the rules cannot be used.
        ForgeError: the forge does not answer, or refuses.
    """
    occasion = await occasion_for(deps, due.repository_id)
    if occasion is None:
        return None
    found = await rules_at(_base(occasion), occasion, deps)
    rule = found.policy.rule(due.rule)
    return None if rule is None else await _open(deps, due, occasion, rule, found.policy)


async def _advance(deps: Deps, due: Due) -> None:
    async with deps.begin() as db:
        await schedules.advance(db, due, next_time(due.cron, due.zone, await schedules.clock(db)))


async def _tell_of_refusal(deps: Deps, due: Due, problem: Permanent | None) -> None:
    """Say that somebody has to look, until the clock can run that rule again."""
    async with deps.begin() as db:
        repository = await repositories.get(db, due.repository_id)
        name = repository["full_name"] if repository is not None else ""
        subject, text = wording.schedule_refused(name, due.rule, str(problem))
        if problem is None:
            await alerts.resolve(db, alerts.SCHEDULE_REFUSED, subject)
        else:
            await alerts.raise_(db, alerts.SCHEDULE_REFUSED, subject, text, repository_id=due.repository_id)


def _in_time(rule: Rule, due: Due) -> bool:
    return rule.catch_up or due.late_s <= LATE_S


async def _open(deps: Deps, due: Due, occasion: Occasion, rule: Rule, policy: Policy) -> list[int]:
    """Open one pipeline for each branch. Its key is the moment, so two workers, or a second try, open one."""
    default, opened = str(occasion.repository["default_branch"]), list[int]()
    for branch in rule.branches or (default,):
        commit = await occasion.forge.branch_head(occasion.facts(), branch)
        if commit is None:
            log.warning("schedule_without_branch", schedule=due.id, branch=branch)
            continue
        asked = _request(due, occasion, branch, commit)
        try:
            own = policy if branch == default else await _of_branch(deps, occasion, branch, commit, due.rule) or policy
        except PolicyError as problem:
            planned = await open_pipeline(deps, refused(asked, problem))
        else:
            happening = Happening(event=On.SCHEDULE)
            planned = await open_pipeline(deps, ruled(asked, own.named(due.rule) or rule, happening, own))
        opened.append(planned.pipeline_id)
    return opened


async def _of_branch(deps: Deps, occasion: Occasion, branch: str, commit: str, rule: str) -> Policy | None:
    """Read the rules of another branch at its head; None if they have none of this name: then the default's counts.

    Raises:
        PolicyError: they cannot be used.
    """
    found = await rules_at(Base(branch=branch, commit=commit), occasion, deps)
    return found.policy if found.source == "repository" and found.policy.named(rule) else None


def _request(due: Due, occasion: Occasion, branch: str, commit: str) -> PipelineRequest:
    return PipelineRequest(
        repository_id=occasion.repository_id,
        commit=commit,
        trigger=Trigger.SCHEDULE,
        dedupe_key=f"{due.rule}@{due.next_at.astimezone(datetime.UTC):%Y-%m-%dT%H:%MZ}:{branch}"[:200],
        branch=branch,
        fetch_ref=f"refs/heads/{branch}",
        trust=f"scheduled by rule {due.rule}",
        requested_by="schedule",
        priority=Priority.NIGHTLY,
        reports=True,
        status_memory={"ref": branch},
    )


async def _tell(deps: Deps, due: Due, occasion: Occasion, problem: PolicyError) -> None:
    """Show on the branch that its rules cannot be used."""
    branch = occasion.repository["default_branch"]
    commit = await occasion.forge.branch_head(occasion.facts(), branch)
    if commit is not None:
        await open_pipeline(deps, refused(_request(due, occasion, branch, commit), problem))
