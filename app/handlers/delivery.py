"""Turn one kept delivery into work, and write down what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from app.db import origin
from app.db.queries import alerts, deliveries, repositories
from app.db.queries.deliveries import Taken
from app.deps import Deps
from app.handlers import HANDLERS, reconciled
from app.handlers.occasion import Occasion, repository_of
from app.reporting import wording
from integrations.events import Event, InstallationChanged, Ping
from integrations.forge import Forge, Malformed, Permanent, Transient

MOST_TRIES = 5  # of a delivery whose handling fails by a fault of ours
MOST_WAITS = 14  # of one that waits for the forge: half a day

NAMESAKE = "repository_recreated"  # the alert
log = structlog.get_logger()


@dataclass(frozen=True)
class Verdict:
    """What came of a delivery."""

    text: str
    allows: str | None = None  # subject of the alert that such deliveries are refused: this one was not


async def handle(delivery_id: int, deps: Deps) -> None:
    """Handle a delivery unless that was done. Safe to run again, also after a crash at any point."""
    async with deps.autocommit() as db:
        taken = await deliveries.take(db, delivery_id)
    if taken is None:
        return
    if taken.tries > MOST_WAITS:  # each try before this one died with its process
        await _close(deps, taken, Verdict(f"given up after {MOST_WAITS} tries"))
        return
    try:
        with origin.of_forge(f"delivery {taken.id}"):
            verdict = await _verdict(taken, deps)
    except Transient as problem:
        await _fail(deps, taken, f"waits for the forge: {problem}", MOST_WAITS)
    except Exception as problem:
        log.exception("delivery_failed", delivery=taken.id, tries=taken.tries)
        await _fail(deps, taken, f"{type(problem).__name__}: {problem}", MOST_TRIES)
    else:
        await _close(deps, taken, verdict)


async def _close(deps: Deps, taken: Taken, verdict: Verdict) -> None:
    async with deps.autocommit() as db:
        await deliveries.close(db, taken.id, verdict.text, allows=verdict.allows)
    log.info("delivery_handled", delivery=taken.id, kind=taken.kind, verdict=verdict.text)
    await deps.notices.publish("delivery", delivery=taken.id)


async def _fail(deps: Deps, taken: Taken, problem: str, most: int) -> None:
    if taken.tries >= most:
        await _close(deps, taken, Verdict(f"given up after {taken.tries} tries: {problem}"))
        return
    async with deps.autocommit() as db:
        await deliveries.note(db, taken.id, f"try {taken.tries}: {problem}")
    await deps.notices.publish("delivery", delivery=taken.id)


async def _verdict(taken: Taken, deps: Deps) -> Verdict:
    forge = deps.forges.get(taken.forge)
    if forge is None:
        return Verdict(f"nothing to do: forge {taken.forge} is not configured any more")
    try:
        event = (
            reconciled.read(taken.body) if reconciled.is_ours(taken.headers) else forge.parse(taken.kind, taken.body)
        )
    except Malformed as problem:
        return Verdict(f"cannot be read: {problem}")
    if event is None or type(event) not in HANDLERS:
        await _hear(forge, taken, deps)
        return Verdict(f"nothing to do for this kind of event: {taken.kind}")
    about = None if isinstance(event, Ping | InstallationChanged) else event.repository
    if not isinstance(event, Ping) and about != forge.repository_of(taken.body):
        # The secret was checked for the repository that the body names first: it is good for no other.
        return Verdict("cannot be read: the body speaks of two repositories")
    if about is None:
        await _hear(forge, taken, deps)
        occasion = Occasion(delivery_id=taken.id, forge=forge, repository={})
        return Verdict(await HANDLERS[type(event)](event, occasion, deps))
    return await _handle(event, about, forge, taken, deps)


async def _hear(forge: Forge, taken: Taken, deps: Deps) -> None:
    """Note that the forge reaches us about this repository, by whatever kind of event."""
    about = None if reconciled.is_ours(taken.headers) else forge.repository_of(taken.body)
    if about is not None:
        async with deps.autocommit() as db:
            await repositories.hear(db, forge.name, about)


async def _handle(event: Event, forge_id: int, forge: Forge, taken: Taken, deps: Deps) -> Verdict:
    name = getattr(event, "repository_name", "")
    repository = await repository_of(deps, forge, forge_id, name, hears=not reconciled.is_ours(taken.headers))
    namesake = await _namesake(deps, forge, name) if repository is None and name else None
    if namesake is not None:
        log.warning("repository_recreated", forge=forge.name, name=name, known=namesake["forge_id"], said=forge_id)
        await _warn_of_namesake(deps, forge, namesake, forge_id)
        return Verdict(
            f"repository not registered: {name} has the id {forge_id} now; `rigline repo add` it again to serve it"
        )
    if repository is None:
        return Verdict(f"repository not registered: id {forge_id}")
    occasion = Occasion(delivery_id=taken.id, forge=forge, repository=repository)
    try:
        verdict = await HANDLERS[type(event)](event, occasion, deps)
    except Permanent as problem:  # to try again would not help, and would hide it from those who can
        log.warning("delivery_refused", delivery=taken.id, kind=taken.kind, error=str(problem)[:200])
        await _tell_of_refusal(deps, taken, occasion, problem)
        return Verdict(f"the forge refuses: {problem}")
    return Verdict(verdict, allows=_refusal(taken, occasion, None)[0])


async def _tell_of_refusal(deps: Deps, taken: Taken, occasion: Occasion, problem: Permanent) -> None:
    """Say that somebody has to look, until such a delivery can be handled again."""
    subject, text = _refusal(taken, occasion, problem)
    async with deps.autocommit() as db:
        await alerts.raise_(db, alerts.DELIVERY_REFUSED, subject, text, repository_id=occasion.repository_id)


def _refusal(taken: Taken, occasion: Occasion, problem: Permanent | None) -> tuple[str, str]:
    return wording.delivery_refused(taken.forge, occasion.repository["full_name"], taken.kind, str(problem))


async def _namesake(deps: Deps, forge: Forge, name: str) -> Mapping[Any, Any] | None:
    async with deps.autocommit() as db:
        return await repositories.by_name(db, name, forge=forge.name)


async def _warn_of_namesake(deps: Deps, forge: Forge, known: Mapping[Any, Any], forge_id: int) -> None:
    """Say that a name which is served belongs to another repository now: somebody may have taken it on purpose."""
    name = known["full_name"]
    text = (
        f"{name} had the id {known['forge_id']} and has {forge_id} now. It is not served until somebody adds it again."
    )
    async with deps.begin() as db:
        await alerts.raise_(db, NAMESAKE, f"{forge.name} {name}", text, repository_id=known["id"])
