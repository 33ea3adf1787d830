"""Compare what the forges have with what we ran: webhooks get lost, come late, and are left out by design.

Failed deliveries are asked for again. A head that nobody told us of becomes a delivery of our own, which is
handled as any other. What lay there before we served the repository is left alone.
"""

import datetime
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog

from app.db.queries import alerts, deliveries, reconciling, repositories
from app.db.queries.reconciling import Known
from app.deps import Deps
from app.handlers import reconciled
from app.handlers.occasion import Occasion
from integrations.events import Actor, PullRequestAction, PullRequestChanged, Push
from integrations.forge import ForgeError, NotLetIn, Permanent, PullRequestFacts

ALERT = "forge_refuses"
EVERY_S = 600.0
LOCK = 0x7269_6705  # advisory: one worker at a time
THROTTLE = "rigline:reconciled"  # Redis key: workers take turns; lost, it is done once more
PAGE = 100
REDELIVERED = 50  # for one repository and round
LISTED = 300  # heads that a forge lists at most
SLACK = datetime.timedelta(minutes=10)  # clocks differ
QUEUE = "gh-readonly-queue/"  # of merge queues, which ask with an event of their own
NOBODY = Actor(id=0)  # who brought a head is not known, and trusts nothing

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Done:
    """What one round did."""

    redelivered: int = 0
    found: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(redelivered=self.redelivered + other.redelivered, found=self.found + other.found)


async def in_turn(deps: Deps) -> None:
    """Reconcile unless another worker did lately."""
    if await deps.redis.set(THROTTLE, "1", nx=True, ex=int(EVERY_S * 0.9)):
        await reconcile(deps)


async def reconcile(deps: Deps) -> Done:
    """Reconcile every repository; one whose forge does not answer waits for the next round."""
    done = Done()
    async with deps.alone(LOCK) as mine:
        if not mine:
            return done
        async for repository in _served(deps):
            try:
                done += await reconcile_one(deps, repository)
            except ForgeError as problem:
                await _note(deps, repository, problem)
            else:
                await _note(deps, repository, None)
    log.info("reconciled", redelivered=done.redelivered, found=done.found)
    return done


async def reconcile_one(deps: Deps, repository: Any) -> Done:
    """Reconcile one repository.

    Raises:
        Transient, Permanent: the forge does not tell.
    """
    forge = deps.forges.get(repository["forge"])
    if forge is None:
        return Done()
    occasion = Occasion(delivery_id=0, forge=forge, repository=repository)
    redelivered = await _redeliver(deps, occasion)
    events: list[tuple[str, Push | PullRequestChanged]] = [
        *await _pushes(deps, occasion),
        *await _pull_requests(deps, occasion),
    ]
    found = [await _deliver(deps, occasion, key, event) for key, event in events]
    return Done(redelivered=redelivered, found=sum(found))


async def _note(deps: Deps, repository: Any, problem: ForgeError | None) -> None:
    """Say where a person can see it that a forge does not let us in; a forge that is merely away is no news."""
    subject = f"{repository['forge']} {repository['full_name']}"
    if problem is not None:
        log.warning("reconcile_waits", repository=repository["full_name"], error=str(problem)[:200])
    async with deps.begin() as db:
        if problem is None:
            await alerts.resolve(db, ALERT, subject)
        elif isinstance(problem, Permanent | NotLetIn):
            text = f"{subject} cannot be looked at: {problem}"
            await alerts.raise_(db, ALERT, subject, text, repository_id=repository["id"])


async def _redeliver(deps: Deps, occasion: Occasion) -> int:
    """Ask for what did not reach us; what did, though the forge got no answer, is not asked for."""
    hook = occasion.repository["hook_id"]
    failed = await occasion.forge.failed_deliveries(occasion.facts(), hook)
    async with deps.begin() as db:
        here = await reconciling.received(db, occasion.forge.name, [each.key for each in failed])
    wanted = [each for each in failed if each.key not in here][:REDELIVERED]
    for each in wanted:
        await occasion.forge.redeliver(occasion.facts(), hook, each)
    return len(wanted)


async def _pushes(deps: Deps, occasion: Occasion) -> list[tuple[str, Push]]:
    """Find branches at a commit that has no pipeline."""
    heads = [each for each in await occasion.forge.branches(occasion.facts()) if not each[0].startswith(QUEUE)]
    async with deps.begin() as db:
        have = await reconciling.commits(db, occasion.repository_id, [commit for _, commit in heads])
        measured = await reconciling.branches(db, occasion.repository_id)
    found = []
    for branch, commit in heads:
        if commit not in have and (branch in measured or await _is_new(deps, occasion, commit)):
            found.append((f"{branch}@{commit}", _push(occasion, branch, commit)))
    return found


def _push(occasion: Occasion, branch: str, commit: str) -> Push:
    name, about = occasion.repository["full_name"], occasion.repository["forge_id"]
    return Push(repository=about, repository_name=name, ref=f"refs/heads/{branch}", before=None, commit=commit)


async def _pull_requests(deps: Deps, occasion: Occasion) -> list[tuple[str, PullRequestChanged]]:
    """Find pull requests that are open, closed or moved there, and here not."""
    listed = {each.number: each for each in await occasion.forge.open_pull_requests(occasion.facts())}
    async with deps.begin() as db:
        known = await reconciling.pull_requests(db, occasion.repository_id, list(listed))
    found = []
    for number, now in listed.items():
        before = known.get(number)
        if (before is None and await _is_new(deps, occasion, now.head)) or _differs(before, now):
            found.append((_key(number, now.head, "open", before), _changed(occasion, now)))
    for before in known.values():
        if before.is_open and before.number not in listed and len(listed) < LISTED:
            now_closed = await occasion.forge.pull_request(occasion.facts(), before.number)
            if now_closed is not None and not now_closed.is_open:
                found.append((_key(before.number, now_closed.head, "closed", before), _changed(occasion, now_closed)))
    return found


def _differs(before: Known | None, now: PullRequestFacts) -> bool:
    return before is not None and (before.head != now.head or not before.is_open)


def _key(number: int, head: str, what: str, before: Known | None) -> str:
    return f"{number} {what}@{head} after {before.delivery_id if before else 0}"


def _changed(occasion: Occasion, now: PullRequestFacts) -> PullRequestChanged:
    """Say how it is. Reopening brings nothing, so a fork's head waits for somebody to look at it."""
    return PullRequestChanged(
        repository=occasion.repository["forge_id"],
        repository_name=occasion.repository["full_name"],
        action=PullRequestAction.REOPENED if now.is_open else PullRequestAction.CLOSED,
        number=now.number,
        commit=now.head,
        base_branch=now.base_branch,
        head_branch=now.head_branch,
        from_fork=now.from_fork,
        source_repository=now.source_repository,
        title=now.title[:500],
        draft=now.is_draft,
        author=now.author,
        sender=NOBODY,
        fetch_ref=now.fetch_ref,
        labels=now.labels,
    )


async def _is_new(deps: Deps, occasion: Occasion, commit: str) -> bool:
    """Tell whether a commit came after we began to serve its repository; older ones are remembered."""
    key = (occasion.repository_id, commit)
    if key in deps.before_our_time:
        return False
    made = await occasion.forge.committed_at(occasion.facts(), commit)
    if made is not None and made > occasion.repository["added_at"] - SLACK:
        return True
    deps.before_our_time[key] = None
    return False


async def _deliver(deps: Deps, occasion: Occasion, key: str, event: Push | PullRequestChanged) -> bool:
    """Write down what was found, once, and let it be handled."""
    named = f"reconcile {occasion.repository_id} {hashlib.sha256(key.encode()).hexdigest()}"
    async with deps.begin() as db:
        if await reconciling.received(db, occasion.forge.name, [named]):
            return False
    async with deps.intake.acquire() as connection:
        kept = await deliveries.add(
            connection,
            forge=occasion.forge.name,
            key=named,
            kind=reconciled.KIND,
            headers=reconciled.HEADERS,
            body=reconciled.write(event),
        )
    if kept.id is None:
        return False
    log.info("found_by_reconciling", delivery=kept.id, repository=occasion.repository["full_name"], what=key)
    await deps.tasks.put("handle_delivery", kept.id)
    return True


async def _served(deps: Deps) -> AsyncIterator[Any]:
    last = 0
    while True:
        async with deps.begin() as db:
            listed = await repositories.list_(db, after=last, limit=PAGE)
        for each in listed:
            if each["forge_id"] is not None:
                yield each
        if len(listed) < PAGE:
            return
        last = listed[-1]["id"]
