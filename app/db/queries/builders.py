"""Builders: their tokens, and who lives under their names."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState
from app.db.queries import audit
from app.db.tables import attempt, board, builder
from app.errors import BuilderInUse, Conflict
from builders.protocol import LEASE_S, Hello

PREFIX = "rlb_"
ALIVE_S = 2 * LEASE_S  # a builder that gave no sign of life for so long is away
TOUCH_S = 10.0  # how exact `seen_at` is
TOKEN_RENEWED_S = 22.5 * 24 * 3600  # three quarters of a token's life of 30 days
TOKEN_OVERLAP_S = 3600.0  # for so long an agent's former token works beside the new one

now = sa.func.now()


def _ago(seconds: float) -> Any:
    return now - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def is_alive(of: Any = builder) -> sa.ColumnElement[bool]:
    """Say that a builder gave a sign of life lately; NULL of one that never did."""
    alive: sa.ColumnElement[bool] = of.c.seen_at > _ago(ALIVE_S)
    return alive


def digest(secret: str) -> bytes:
    """Hash a token's random part; it has 256 bits, so a fast hash is right."""
    return hashlib.sha256(secret.encode()).digest()


async def create(db: AsyncConnection, name: str, *, actor: str = "service") -> tuple[int, str]:
    """Add a builder; return its id and its secret, which is shown once. The token is `rlb_<id>.<secret>`.

    Raises:
        Conflict: the name is taken.
    """
    secret = secrets.token_urlsafe(32)
    new = insert(builder).values(name=name, token_hash=digest(secret), version="", isolation="none")
    builder_id = await db.scalar(new.on_conflict_do_nothing().returning(builder.c.id))
    if builder_id is None:
        raise Conflict(f"There is a builder {name!r} already; choose another name or rotate its token.")
    await audit.record(db, "builder.created", actor=actor, detail=name)
    return builder_id, secret


async def rotate(db: AsyncConnection, builder_id: int, *, actor: str) -> str:
    """Give a builder a new secret; the old one stops working at once."""
    secret = secrets.token_urlsafe(32)
    new = {"token_hash": digest(secret), "token_at": now, "former_hash": None, "former_until": None}
    await db.execute(sa.update(builder).where(builder.c.id == builder_id).values(new))
    await audit.record(db, "builder.token_rotated", actor=actor, detail=str(builder_id))
    return secret


async def revoke(db: AsyncConnection, builder_id: int, *, actor: str) -> None:
    """Make a builder's token worthless. `rotate` gives it a new one."""
    worthless = {"token_hash": digest(secrets.token_urlsafe(32)), "former_hash": None, "former_until": None}
    await db.execute(sa.update(builder).where(builder.c.id == builder_id).values(worthless))
    await audit.record(db, "builder.token_revoked", actor=actor, detail=str(builder_id))


async def renew(db: AsyncConnection, builder_id: int, shown: bytes) -> str | None:
    """Give an agent a new secret for its old one; the one it showed works for `TOKEN_OVERLAP_S` more.

    None while the token is young. Who shows the former token never heard of the new one: it gets another, and the
    lost one is forgotten, while the end of the former one stays.

    Args:
        shown: hash of the secret that the request came with.
    """
    secret = secrets.token_urlsafe(32)
    is_former = builder.c.token_hash != shown
    is_due = sa.or_(is_former, builder.c.token_at < _ago(TOKEN_RENEWED_S))
    change = sa.update(builder).where(builder.c.id == builder_id, is_due).values(
        token_hash=digest(secret),
        token_at=now,
        former_hash=shown,
        former_until=sa.case((is_former, builder.c.former_until), else_=_ago(-TOKEN_OVERLAP_S)),
    )  # fmt: skip
    if await db.scalar(change.returning(builder.c.id)) is None:
        return None
    await audit.record(db, "builder.token_renewed", actor="agent", detail=str(builder_id))
    return secret


async def set_state(db: AsyncConnection, builder_id: int, state: BuilderState, *, actor: str) -> None:
    """Pause, drain, resume or retire a builder."""
    await db.execute(sa.update(builder).where(builder.c.id == builder_id).values(state=state))
    await audit.record(db, f"builder.{state}", actor=actor, detail=str(builder_id))


_known = sa.select(
    builder.c.id,
    builder.c.name,
    builder.c.token_hash,
    sa.case((builder.c.former_until > now, builder.c.former_hash)).label("former_hash"),
    builder.c.state,
    builder.c.instance,
    sa.or_(builder.c.seen_at.is_(None), builder.c.seen_at < _ago(TOUCH_S)).label("is_stale"),
).where(builder.c.id == sa.bindparam("builder_id"))


async def known(db: AsyncConnection, builder_id: int) -> sa.Row[Any] | None:
    """Read what a request of a builder is checked against; `is_stale`: `seen_at` is due."""
    return (await db.execute(_known, {"builder_id": builder_id})).one_or_none()


_seen = (
    sa.func.unnest(
        sa.bindparam("builder_ids", type_=sa.ARRAY(sa.Integer)),
        sa.bindparam("disks_free", type_=sa.ARRAY(sa.BigInteger)),
    )
    .table_valued(sa.column("id", sa.Integer), sa.column("disk_free", sa.BigInteger), name="seen")
    .render_derived()
)
_touch = (
    sa.update(builder)
    .where(builder.c.id == _seen.c.id)
    .values(seen_at=now, disk_free=sa.func.coalesce(_seen.c.disk_free, builder.c.disk_free))
    .returning(builder.c.id, builder.c.state)
)


async def touch(db: AsyncConnection, seen: Mapping[int, int | None]) -> set[int]:
    """Note a sign of life of some builders, and what they said of their disks; return those that are draining."""
    ids = sorted(seen)
    rows = await db.execute(_touch, {"builder_ids": ids, "disks_free": [seen[each] for each in ids]})
    return {row.id for row in rows if row.state == BuilderState.DRAINING}


_is_silent = sa.func.coalesce(sa.not_(is_alive()), sa.false())
_note_silence = (
    sa.update(builder)
    .where(builder.c.state != BuilderState.RETIRED, _is_silent == builder.c.away_at.is_(None))
    .values(away_at=sa.case((_is_silent, now)))
    .returning(builder.c.id)
)


async def note_silence(db: AsyncConnection) -> list[int]:
    """Note which builders are away, and which are not any more; return those of which that is new."""
    return list(await db.scalars(_note_silence))


# Of a row of the table: it is draining, and holds no job any more.
is_drained = sa.and_(
    builder.c.state == BuilderState.DRAINING,
    ~sa.exists().where(attempt.c.builder_id == builder.c.id, attempt.c.ended_at.is_(None)).correlate(builder),
)


async def living(db: AsyncConnection) -> list[sa.Row[Any]]:
    """List the builders that gave a sign of life lately: name, types of the boards that they offer."""
    return list(await db.execute(_living))


_types = sa.func.array_agg(sa.distinct(board.c.type)).label("types")
_living = (
    sa.select(builder.c.name, _types)
    .join(board, board.c.builder_id == builder.c.id)
    .where(board.c.offered, is_alive())
    .group_by(builder.c.id)
    .order_by(builder.c.id)
)


async def greet(db: AsyncConnection, builder_id: int, hello: Hello) -> None:
    """Note who lives under a builder's name from now on.

    Raises:
        BuilderInUse: another agent was heard of within `LEASE_S` under the same name.
    """
    other = sa.and_(builder.c.instance != hello.instance, builder.c.seen_at > _ago(LEASE_S))
    facts = {
        "instance": hello.instance,
        "version": hello.version,
        "isolation": hello.isolation,
        "facts": hello.facts,
        "problem": hello.problem,
        "seen_at": now,
    }
    change = sa.update(builder).where(builder.c.id == builder_id, sa.not_(sa.func.coalesce(other, sa.false())))
    if await db.scalar(change.values(facts).returning(builder.c.id)) is None:
        raise BuilderInUse(
            "Another agent works under this builder's name. Stop it, or give this machine a builder of its own "
            f"with `rigline builder create`. A dead agent's name is free {LEASE_S:.0f} seconds after its last sign."
        )
