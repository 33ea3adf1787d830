"""The rules of a repository, as they are at the base: what a change brings along never decides what runs for it."""

import time
from dataclasses import dataclass, replace

import structlog

from app.db.models import Priority
from app.db.queries import pull_requests, repositories
from app.deps import Deps
from app.dispatch import supersede
from app.dispatch.plan import PipelineRequest, Planned, open_pipeline
from app.handlers import bases
from app.handlers.occasion import Occasion
from app.policy import read, rules
from app.policy.rules import BUILT_IN, FILE, Happening, On, Policy, Rule
from app.policy.section import PolicyError
from builders.protocol import Kind
from integrations.forge import Permanent

ON_THE_SERVICE = "the rules kept on the service"
NO_STATUS = "none"
HEAD_S = 2.0  # a base branch that moved is looked at anew after so long, or with the push that moved it

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Base:
    """Where the rules of a change are read: the branch it goes to, and the commit of that if it is known."""

    branch: str
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """The rules that count, and where they stand."""

    policy: Policy
    commit: str | None  # of the base; None: the branch is not there
    source: str  # repository, service or built-in


class CannotRead(PolicyError):
    """The forge refuses to show the rules. Without them nothing may run: they might forbid it."""

    def __init__(self, problem: Permanent) -> None:
        super().__init__(FILE, 1, f"cannot be read: {problem}. The token needs the right to read contents.")


async def rules_at(base: Base, occasion: Occasion, deps: Deps) -> Found:
    """Read the rules that count for a base: the repository's own, else those on the service, else the built-in ones.

    Raises:
        PolicyError: there are rules, and they cannot be used.
        Transient: the forge does not answer.
    """
    try:
        commit = base.commit or await _head(base.branch, occasion, deps)
        own = await _file(commit, occasion, deps) if commit is not None else None
    except Permanent as problem:
        raise CannotRead(problem) from None
    if own is not None:
        return Found(policy=read.decoded(own), commit=commit, source="repository")
    kept = occasion.repository["policy"]
    if kept is not None:
        return Found(policy=read.policy(kept, ON_THE_SERVICE), commit=commit, source="service")
    return Found(policy=BUILT_IN, commit=commit, source="built-in")


async def _head(branch: str, occasion: Occasion, deps: Deps) -> str | None:
    """Ask where a branch is. Many pushes at once need not ask each: what the forge said a moment ago is kept."""
    key, now = (occasion.repository_id, branch), time.monotonic()
    if key in deps.heads:
        commit, asked_at = deps.heads[key]
        if now - asked_at < HEAD_S:
            return commit
    found = await occasion.forge.branch_head(occasion.facts(), branch)
    if found is not None:
        deps.heads[key] = (found, now)
    return found


async def occasion_for(deps: Deps, repository_id: int) -> Occasion | None:
    """Speak of a repository without a delivery; None if its forge is not configured, or it is on none."""
    async with deps.begin() as db:
        repository = await repositories.get(db, repository_id)
    forge = deps.forges.get(repository["forge"]) if repository is not None else None
    if repository is None or forge is None:
        return None
    return Occasion(delivery_id=0, forge=forge, repository=repository)


async def _file(commit: str, occasion: Occasion, deps: Deps) -> bytes | None:
    key = (occasion.repository_id, commit)
    if key in deps.rules:
        return deps.rules[key]
    found = await occasion.forge.file(occasion.facts(), FILE, commit)
    if found is None or len(found) <= read.LONGEST:  # one that is too long is refused, and is no good to keep
        deps.rules[key] = found
    return found


async def open_by_rules(
    happening: Happening, base: Base, request: PipelineRequest, occasion: Occasion, deps: Deps
) -> list[Planned]:
    """Open, or join, a pipeline for each rule that the happening asks for; cancel what the newest head supersedes.

    Args:
        request: commit, trigger, trust and all else that is the same for each rule; a rule adds what and how.
    Returns:
        One entry for each rule; none if no rule asks for it. Rules that cannot be used give one with their error.
    Raises:
        Transient: the forge does not answer.
    """
    try:
        found = await rules_at(base, occasion, deps)
    except PolicyError as problem:
        return [await open_pipeline(deps, refused(request, problem))]
    request = based(request, found)
    asked = await _asked(found.policy, happening, base, request.commit, occasion)
    other = await bases.merge_base(asked, happening, base.branch, request.commit, occasion)
    made = [
        bases.held_against(ruled(request, rule, happening, found.policy), rule, other, base.branch) for rule in asked
    ]
    opened = [await open_pipeline(deps, each) for each in made]
    # After the opening, by what is the newest head then: two heads that are handled at once end the same.
    await supersede.older(deps, found.policy, await _newest(happening, request, found.policy, occasion, deps))
    return opened


def based(request: PipelineRequest, found: Found) -> PipelineRequest:
    """Say in the request of a fork's commit which base's build files count, and which files those are."""
    if not request.from_fork:
        return request
    return replace(request, base=found.commit, trusted_files=found.policy.trusted_files)


def refused(request: PipelineRequest, problem: PolicyError) -> PipelineRequest:
    """Ask for a pipeline that only says what is wrong; rules put right later fill it."""
    return replace(request, dedupe_key=dedupe_key(Kind.RUN.value, request.commit), error=str(problem)[:1000])


def dedupe_key(rule: str, commit: str) -> str:
    """Name what an automatic pipeline means: push and pull request of one commit mean the same."""
    return f"{rule}:{commit}"


def ruled(request: PipelineRequest, rule: Rule, happening: Happening, policy: Policy) -> PipelineRequest:
    """Add to a request what a rule says."""
    work = rule.work
    key = dedupe_key(rule.name, request.commit)
    if happening.event is On.SCHEDULE:
        key = request.dedupe_key or key  # the moment
    if happening.event is On.LABEL:  # a wish, as a command is: set again, it runs again
        key = f"{key}:label:{request.delivery_id}"
    return replace(
        request,
        kind=Kind(work.kind),
        dedupe_key=key,
        groups=work.groups,
        rule=rule.name,
        file=policy.file,
        limit_s=work.timeout_s,
        repeat=work.repeat,
        priority=Priority(work.priority) if work.priority else request.priority,
        status_style=work.status if work.status != NO_STATUS else request.status_style,
        skipped_as=work.skipped,
        comment_style=work.comment,
        fails_on=work.fail,
        context=f"rigline/{rule.name}",
        reports=request.reports and work.status != NO_STATUS,
    )


def told(planned: list[Planned]) -> str:
    """Say what came of the rules."""
    if not planned:
        return "no rule asks for anything"
    return "; ".join(
        f"{'opened' if each.created else 'joined'} pipeline {each.pipeline_id}: "
        f"{each.error or f'{len(each.job_ids)} jobs'}"
        for each in planned
    )


async def _asked(policy: Policy, happening: Happening, base: Base, commit: str, occasion: Occasion) -> list[Rule]:
    """List the rules that are asked for, each name once; changed paths are looked up only if a rule wants them."""
    asked = rules.matching(policy, happening)
    if any(each.paths for each in asked):
        asked = rules.with_paths(asked, await _changed(happening, base, commit, occasion))
    return list({each.name: each for each in reversed(asked)}.values())[::-1]


async def _changed(happening: Happening, base: Base, commit: str, occasion: Occasion) -> list[str] | None:
    """List the changed paths: of a push since the commit before, else since the branch it goes to."""
    try:
        return await occasion.forge.changed_paths(occasion.facts(), happening.before or base.branch, commit)
    except Permanent as problem:  # the commit before a forced push may be gone
        log.info("paths_not_known", repository=occasion.repository_id, commit=commit, error=str(problem)[:200])
        return None


async def _newest(
    happening: Happening, request: PipelineRequest, policy: Policy, occasion: Occasion, deps: Deps
) -> supersede.Head | None:
    """Say which head is the newest. Pushes come in any order, so the forge is asked where the branch is now."""
    if happening.event is On.PULL_REQUEST and request.pull_request is not None:
        async with deps.begin() as db:
            known = await pull_requests.get(db, request.repository_id, request.pull_request)
        commit = known["head"] if known is not None else request.commit
        return supersede.Head(repository_id=request.repository_id, commit=commit, pull_request=request.pull_request)
    if happening.event is not On.PUSH or request.branch is None or not supersede.names(policy, On.PUSH):
        return None
    head = await occasion.forge.branch_head(occasion.facts(), request.branch)
    if head is None:
        return None
    return supersede.Head(repository_id=request.repository_id, commit=head, branch=request.branch)
