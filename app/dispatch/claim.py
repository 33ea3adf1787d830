"""Claims: RQ offers, the row decides. A claim has one answer, however often it is asked."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app import sealed
from app.db.queries import boards, builders, caps, leasing
from app.deps import Deps
from app.dispatch import proxy, queue
from app.errors import BuilderInUse, Drained, Unavailable
from app.history.looks import rule_for
from app.states import JobState
from builders.protocol import COMPARE_S, DISK_FLOOR, Claim, Comparing, Kind, Lease, Source
from integrations.forge import ForgeError

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """A builder that asks, as its token and its row say."""

    id: int
    name: str
    instance: str | None  # of the agent that said hello last
    is_stale: bool = False  # its last sign of life is to be noted anew


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One claim: who asks, for which boards, under which id."""

    builder: Claimant
    names: Sequence[str]
    claim_id: UUID


async def claim(deps: Deps, builder: Claimant, asked: Claim) -> Lease | None:
    """Give the builder one job that one of its free boards can start now, without waiting.

    The same claim id gets the same lease until it is accepted by a first beat, and nothing afterwards.

    Raises:
        BuilderInUse: another agent said hello under this builder's name.
        Drained: it is to end, and has no job any more.
        Unavailable: Redis is away, or the forge that has to say how to fetch.
    """
    if asked.instance != builder.instance:
        raise BuilderInUse("Another agent said hello under this builder's name; say hello again, or stop.")
    claim_id = UUID(asked.claim_id)
    async with deps.autocommit() as db:
        if builder.is_stale or not has_room(asked):
            await builders.touch(db, {builder.id: asked.disk_free})
        given = await leasing.by_claim(db, builder.id, claim_id)
        if given.id is None:
            offers = await _offers(deps, db, builder, asked) if may_work(asked) else []
            if given.is_drained and not offers:
                raise Drained(f"{builder.name} is draining, and its last job has ended.")
        elif given.ended_at is None and given.accepted_at is None:
            facts = await leasing.lease_facts(db, given.id)
        else:
            return None
    if given.id is not None:
        return await _lease(deps, facts)
    asking = Asking(builder=builder, names=asked.boards_free, claim_id=claim_id)
    return await _first_of(deps, asking, offers)


async def _offers(deps: Deps, db: AsyncConnection, builder: Claimant, asked: Claim) -> list[Any]:
    return await boards.candidates(db, builder.id, asked.boards_free, deps.settings.caps)


def may_work(asked: Claim) -> bool:
    """Tell whether a builder could start anything: it names a free board and has room on its disk."""
    return bool(asked.boards_free) and has_room(asked)


def has_room(asked: Claim) -> bool:
    """Tell whether a builder has room for another work tree."""
    return asked.disk_free is None or asked.disk_free >= DISK_FLOOR


async def _first_of(deps: Deps, asking: Asking, offers: Sequence[Any]) -> Lease | None:
    """Try the candidates in their order. One that RQ does not give is in somebody else's hands."""
    for job_id, board_type, priority, is_capped in offers:
        name = proxy.queue_name(board_type, priority)
        try:
            taken = await queue.call(deps, proxy.take, name, job_id)
        except queue.AWAY as problem:
            log.warning("redis_away", builder=asking.builder.name, error=str(problem))
            raise Unavailable("Redis does not answer; jobs are handed out again when it does.") from problem
        if not taken:
            continue
        facts = await _decide(deps, asking, name, job_id, is_capped=is_capped)
        if facts is not None:
            await asyncio.gather(
                queue.start(deps, asking.builder.name, name, job_id),
                deps.notices.publish("job", pipeline=facts.pipeline_id, job=job_id, state=JobState.LEASED),
            )
            log.info(
                "job_leased", pipeline=facts.pipeline_id, job=job_id, attempt=facts.id, builder=asking.builder.name
            )
            return await _lease(deps, facts)
    return None


async def _decide(deps: Deps, asking: Asking, name: str, job_id: int, *, is_capped: bool) -> Any:
    """Let the row decide on a job that RQ gave us, and read what its builder has to know; give it back on a no."""
    facts: Any = None
    try:
        if not is_capped:
            facts = await _open_alone(deps, asking, job_id)
        if facts is None:
            async with deps.begin() as db:
                facts = await _open(db, asking, job_id, deps.settings.caps, is_capped=is_capped)
    except sa.exc.IntegrityError as problem:  # the board, or this very claim, is being served by another request
        log.info("claim_raced", builder=asking.builder.name, job=job_id, error=str(problem.orig)[:200])
        facts = None
    finally:
        if facts is None:
            await _give_back(deps, name, job_id)
    return facts


async def _open_alone(deps: Deps, asking: Asking, job_id: int) -> Any:
    """Lease a job that no cap concerns and that needs one board, as nearly all do: in one trip, not five."""
    async with deps.autocommit() as db:
        return await leasing.open_alone(
            db,
            job_id=job_id,
            actor=f"builder {asking.builder.name}",
            builder_id=asking.builder.id,
            names=asking.names,
            claim_id=asking.claim_id,
            caps=deps.settings.caps,
        )


async def _open(
    db: AsyncConnection, asking: Asking, job_id: int, most: Mapping[str, int], *, is_capped: bool = True
) -> Any:
    """Move the job to leased and open its attempt, all in the caller's transaction."""
    if is_capped:  # a cap that is set between the look and this counts from the next claim on
        await caps.lock(db, job_id, most)
    board = await boards.free_for(db, asking.builder.id, asking.names, job_id, most)
    if board is None:
        return None
    further = await boards.lock_further(db, board.builder_id, board.further)
    if further is None:
        return None
    return await leasing.open_(
        db,
        job_id=job_id,
        actor=f"builder {asking.builder.name}",
        board_id=board.id,
        builder_id=board.builder_id,
        claim_id=asking.claim_id,
        further=further,
    )


async def _give_back(deps: Deps, name: str, job_id: int) -> None:
    try:
        await queue.call(deps, proxy.put_back, name, job_id)
    except queue.AWAY as problem:  # it is in RQ's safety copy: the sweep puts it back
        log.warning("job_not_put_back", job=job_id, error=str(problem))


async def _lease(deps: Deps, facts: Any) -> Lease:
    """Put together what the builder has to know."""
    source = await _source(deps, facts)
    return Lease(
        attempt_id=facts.id,
        job_id=facts.job_id,
        pipeline_id=facts.pipeline_id,
        epoch=facts.epoch,
        board=facts.board,
        further=sorted(facts.further),
        configuration=facts.configuration,
        kind=Kind(facts.kind),
        source=source,
        trusted=not facts.from_fork,
        repeat=facts.repeat,
        compare=_compare(facts, source),
        limit_s=facts.limit_s,
        keep_power=facts.keep_power,
        arguments=facts.arguments,
        log_offset=facts.log_size,
    )


def _compare(facts: Any, source: Source) -> Comparing | None:
    """Name the other side. It is fetched as the head is, and its build files come from the same base."""
    if not facts.interleaved or facts.compare_with is None or facts.kind != Kind.RUN:
        return None
    base = dataclasses.replace(source, commit=facts.compare_with, ref=None)
    budget_s = COMPARE_S if facts.budget_s is None else facts.budget_s
    return Comparing(base=base, pairs=rule_for(facts.pairs).looks[0], budget_s=budget_s)


async def _source(deps: Deps, facts: Any) -> Source:
    if facts.kind == Kind.HEALTH:
        return Source(repository="", name="", url="", commit="")
    user, token = await _credentials(deps, facts)
    source = Source(
        repository=f"r{facts.repository_id}",
        name=facts.full_name,
        url=facts.clone_url,
        commit=facts.commit,
        ref=facts.fetch_ref,
        base=facts.base,
        trusted_files=facts.trusted_files,
        token=token,
    )
    return source if user is None else Source(**{**vars(source), "username": user})


async def _credentials(deps: Deps, facts: Any) -> tuple[str | None, str | None]:
    """Choose what the remote is asked with: a dispatch's own token, else the forge's for a private repository.

    Raises:
        Unavailable: the forge gives no token now; the same claim, made again, gets the lease with it.
    """
    if facts.token:
        return None, sealed.unseal(deps.settings.secret_key.get_secret_value(), facts.token)
    forge = deps.forges.get(facts.forge) if facts.private else None
    try:
        found = await forge.fetch_credentials(facts.full_name, facts.forge_id) if forge is not None else None
    except ForgeError as problem:
        raise Unavailable(f"{facts.forge} gives no token to fetch {facts.full_name} with: {problem}") from problem
    return found or (None, None)
