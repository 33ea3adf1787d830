"""How well boards are, and who keeps them: the only place where these columns are set."""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health
from app.db.queries import alerts, audit, builders, logs
from app.db.tables import attempt, attempt_board, board, builder, job
from app.errors import Conflict, NotFound

BOARD_OUT = "board_quarantined"  # the kind of the alert
RECHECK_S = 30.0  # so long after a check that did not say "good" comes the next one
REASON_LIMIT = 500  # characters
OUTPUT_LIMIT = 16_000  # bytes

now = sa.func.now()


def _seconds(seconds: Any) -> Any:
    return sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


_lock = (
    sa.select(board, builder.c.name.label("builder"))
    .join_from(board, builder, builder.c.id == board.c.builder_id)
    .where(board.c.id == sa.bindparam("board_id"))
    .with_for_update(of=board)
)


async def lock(db: AsyncConnection, board_id: int) -> sa.Row[Any]:
    """Lock a board and read it, with `builder`, the name of its builder."""
    return (await db.execute(_lock, {"board_id": board_id})).one()


async def named(db: AsyncConnection, name: str, builder_name: str | None = None) -> int:
    """Find a board that is offered by its name, and its builder's if several builders have one of that name.

    Raises:
        NotFound: no builder offers one.
        Conflict: several do, and none was named.
    """
    wanted = (
        sa.select(board.c.id, builder.c.name)
        .join_from(board, builder, builder.c.id == board.c.builder_id)
        .where(board.c.name == name, board.c.offered, builder.c.state != BuilderState.RETIRED)
        .order_by(builder.c.name)
    )
    if builder_name is not None:
        wanted = wanted.where(builder.c.name == builder_name)
    found = list(await db.execute(wanted.limit(20)))
    if not found:
        on = "" if builder_name is None else f" on builder {builder_name}"
        raise NotFound(f"There is no board {name}{on}. `rigline board list` names them.")
    if len(found) > 1:
        raise Conflict(f"Builders {', '.join(each.name for each in found)} each have a board {name}: name one.")
    return int(found[0].id)


async def of_builder(db: AsyncConnection, builder_id: int) -> list[int]:
    """List the boards that a builder offers."""
    wanted = sa.select(board.c.id).where(board.c.builder_id == builder_id, board.c.offered)
    return list(await db.scalars(wanted.order_by(board.c.id)))


async def set_(
    db: AsyncConnection, row: sa.Row[Any], health: Health, *, streak: int, reason: str, actor: str = "service"
) -> None:
    """Say how well a locked board is; what changes is in the audit trail, and an alert says who has to come."""
    values: dict[str, Any] = {"health": health, "fail_streak": streak, "health_reason": reason[:REASON_LIMIT]}
    if health != row.health:
        values["health_at"] = now
        await audit.record(db, f"board.{health}", actor=actor, board_id=row.id, detail=_told(row, reason))
    await db.execute(sa.update(board).where(board.c.id == row.id).values(values))
    subject = f"board {row.name} of builder {row.builder}"
    if health == Health.QUARANTINED and row.health != Health.QUARANTINED:
        text = f"gets no jobs until somebody says that it is good (`rigline board good {row.name}`): {reason}"
        await alerts.raise_(db, BOARD_OUT, subject, text)
    elif health != Health.QUARANTINED:
        await alerts.resolve(db, BOARD_OUT, subject)


async def keep_back(db: AsyncConnection, board_id: int, seconds: float) -> None:
    """Give a board to nobody for a while: a builder that was lost may still touch it."""
    await db.execute(sa.update(board).where(board.c.id == board_id).values(reusable_at=now + _seconds(seconds)))


async def note_check(db: AsyncConnection, board_id: int) -> None:
    """Note that a check of a board ended."""
    await db.execute(sa.update(board).where(board.c.id == board_id).values(checked_at=now))


async def hold(db: AsyncConnection, row: sa.Row[Any], seconds: float, *, actor: str, reason: str) -> None:
    """Keep a locked board for a person: it gets no jobs for so long, and no check; one that runs ends normally."""
    held = {"held_until": now + _seconds(seconds), "held_by": actor[:200], "hold_on_failure_s": None}
    await db.execute(sa.update(board).where(board.c.id == row.id).values(held))
    detail = f"for {seconds / 60:g} min: {reason}"
    await audit.record(db, "board.held", actor=actor, board_id=row.id, detail=_told(row, detail))


async def hold_on_failure(db: AsyncConnection, row: sa.Row[Any], seconds: float, *, actor: str) -> None:
    """Keep a locked board for so long once a job on it goes wrong."""
    armed = {"hold_on_failure_s": seconds, "held_by": actor[:200]}
    await db.execute(sa.update(board).where(board.c.id == row.id).values(armed))
    detail = f"for {seconds / 60:g} min after the next failure"
    await audit.record(db, "board.to_be_held", actor=actor, board_id=row.id, detail=_told(row, detail))


async def release(db: AsyncConnection, row: sa.Row[Any], *, actor: str) -> None:
    """Give a held board back, also one that was only to be held."""
    free = {"held_until": None, "held_by": "", "hold_on_failure_s": None}
    await db.execute(sa.update(board).where(board.c.id == row.id).values(free))
    await audit.record(db, "board.released", actor=actor, board_id=row.id, detail=_told(row, ""))


def _told(row: sa.Row[Any], text: str) -> str:
    return f"{row.builder}/{row.name}: {text}".rstrip(": ")


_checked_s = sa.func.coalesce(sa.extract("epoch", now - board.c.checked_at), sa.literal(1e9))
_doubtful = board.c.health.in_([Health.UNKNOWN, Health.BAD])
_is_due = sa.or_(
    sa.and_(_doubtful, _checked_s > RECHECK_S),
    sa.and_(board.c.health == Health.GOOD, _checked_s > board.c.check_every_s),
)
_open_check = sa.select(1).where(job.c.board_id == board.c.id, job.c.ended_at.is_(None)).exists()


async def due(db: AsyncConnection, limit: int) -> list[int]:
    """List the boards that are to be looked at now: in doubt, or not looked at for as long as their builder says.

    Only of builders that live and work; a board that a person keeps, or has taken out, is left alone.
    """
    return list(await db.scalars(_due(limit)))


@lru_cache(maxsize=4)
def _due(limit: int) -> sa.Select[Any]:
    return (
        sa.select(board.c.id)
        .join_from(board, builder, builder.c.id == board.c.builder_id)
        .where(board.c.offered, board.c.check_every_s.is_not(None), _is_due, ~_open_check)
        .where(builder.c.state == BuilderState.ACTIVE, builders.is_alive())
        .where(sa.or_(board.c.held_until.is_(None), board.c.held_until <= now))
        .order_by(_doubtful.desc(), board.c.id)
        .limit(limit)
    )


async def running(db: AsyncConnection, board_id: int) -> int | None:
    """Find the job that a board runs."""
    found: int | None = await db.scalar(
        sa.select(attempt.c.job_id)
        .join(attempt_board)
        .where(attempt_board.c.board_id == board_id, attempt_board.c.is_open)
    )
    return found


async def open_check(db: AsyncConnection, board_id: int) -> int | None:
    """Find the check of a board that has not ended."""
    found: int | None = await db.scalar(sa.select(job.c.id).where(job.c.board_id == board_id, job.c.ended_at.is_(None)))
    return found


async def is_held(db: AsyncConnection, board_id: int) -> bool:
    """Tell whether a person keeps a board now."""
    return bool(await db.scalar(sa.select(board.c.held_until > now).where(board.c.id == board_id)))


async def last_output(db: AsyncConnection, board_id: int) -> bytes:
    """Read the end of what the last check of a board printed; empty if it was not looked at yet."""
    wanted = sa.select(attempt.c.id, attempt.c.log_size).join(job, job.c.id == attempt.c.job_id)
    wanted = wanted.where(job.c.board_id == board_id, attempt.c.ended_at.is_not(None))
    found = (await db.execute(wanted.order_by(attempt.c.id.desc()).limit(1))).one_or_none()
    if found is None:
        return b""
    return await logs.read(db, found.id, max(0, found.log_size - OUTPUT_LIMIT), OUTPUT_LIMIT)


async def checks(db: AsyncConnection, board_id: int, limit: int = 1) -> list[sa.RowMapping]:
    """List the checks of a board, the newest first: id, state, reason, created_at, started_at, ended_at."""
    columns = (job.c[name] for name in ("id", "state", "reason", "created_at", "started_at", "ended_at"))
    wanted = sa.select(*columns).where(job.c.board_id == board_id).order_by(job.c.id.desc()).limit(limit)
    return list((await db.execute(wanted)).mappings())
