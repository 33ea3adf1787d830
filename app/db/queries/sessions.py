"""Sessions of browsers: the browser has a random id, the row only its SHA-256."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.tokens import GRANTS
from app.db.tables import account, session, token

SECRET_BYTES = 32
TOUCH_EVERY = timedelta(minutes=1)  # a write for every request would be a waste
MOST = 50  # of one user; the one that was used longest ago ends for a new one
KEPT = timedelta(days=30)  # for the list, after the end
ADDRESS, AGENT = 64, 80  # characters

_SHOWN: tuple[Any, ...] = (
    *(session.c[name] for name in ("id", "way", "made_at", "used_at", "ends_at", "address", "agent")),
    account.c.name.label("user"),
)
_lives_by_token = sa.exists(
    sa.select(token.c.id)
    .where(token.c.id == session.c.token_id, token.c.revoked_at.is_(None))
    .where(token.c.expires_at.is_(None) | (token.c.expires_at > sa.func.now()))
    .correlate(session)
)


@dataclass(frozen=True, kw_only=True)
class Begin:
    """A session to be."""

    user_id: int
    way: str  # password, token, first, or the name of a forge
    lifetime: timedelta  # it ends then, however much it is used
    address: str
    agent: str
    token_id: int | None = None


async def add(db: AsyncConnection, begin: Begin) -> str:
    """Begin a session; return the id that only the browser may know."""
    await _make_room(db, begin.user_id)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = {
        "id_hash": digest(secret),
        "user_id": begin.user_id,
        "token_id": begin.token_id,
        "way": begin.way,
        "address": begin.address[:ADDRESS],
        "agent": begin.agent[:AGENT],
    }
    await db.execute(sa.insert(session).values(**row, ends_at=sa.func.now() + begin.lifetime))
    return secret


async def find(db: AsyncConnection, secret: str, *, idle: timedelta, address: str) -> sa.RowMapping | None:
    """Find who is signed in by this id, with the row's `id` and `token_id`; None if nobody (any more).

    Who it is stands there as of `tokens.owner`: who signed in with a token may do no more than it.
    That it was used is written at most once a minute, with where from.
    """
    asked = (
        sa.select(
            *(session.c[name] for name in ("id", "user_id", "token_id", "way", "used_at")),
            account.c.name,
            account.c.role,
            token.c.rights,
            token.c.repository_id,
            session.c.ends_at.label("until"),
            GRANTS,
            (session.c.used_at < sa.func.now() - TOUCH_EVERY).label("stale"),
        )
        .join(account, account.c.id == session.c.user_id)
        .outerjoin(token, token.c.id == session.c.token_id)
        .where(session.c.id_hash == digest(secret), *_is_live(idle))
    )
    found: sa.RowMapping | None = (await db.execute(asked)).mappings().one_or_none()
    if found is not None and found["stale"]:
        used = sa.update(session).where(session.c.id == found["id"])
        await db.execute(used.values(used_at=sa.func.now(), address=address[:ADDRESS]))
    return found


async def by_secret(db: AsyncConnection, secret: str) -> int | None:
    """Find the row of an id, also one that has ended."""
    found: int | None = await db.scalar(sa.select(session.c.id).where(session.c.id_hash == digest(secret)))
    return found


async def list_(
    db: AsyncConnection, *, idle: timedelta, user_id: int | None = None, after: int = 0, limit: int
) -> list[sa.RowMapping]:
    """List the sessions that live, of one user or of all, by id; never a hash."""
    asked = (
        sa.select(*_SHOWN)
        .join(account, account.c.id == session.c.user_id)
        .where(session.c.id > after, *_is_live(idle))
        .order_by(session.c.id)
        .limit(limit)
    )
    if user_id is not None:
        asked = asked.where(session.c.user_id == user_id)
    return list((await db.execute(asked)).mappings())


async def revoke(db: AsyncConnection, session_id: int, *, user_id: int | None = None) -> bool:
    """End a session at once; False if there is none (of this user) that lives."""
    change = sa.update(session).where(session.c.id == session_id, session.c.revoked_at.is_(None))
    if user_id is not None:
        change = change.where(session.c.user_id == user_id)
    return await db.scalar(change.values(revoked_at=sa.func.now()).returning(session.c.id)) is not None


async def revoke_all(db: AsyncConnection, user_id: int, *, but: int | None = None, way: str | None = None) -> int:
    """End all sessions of a user, all but one, or all that began in one way; say how many."""
    change = sa.update(session).where(session.c.user_id == user_id, session.c.revoked_at.is_(None))
    if but is not None:
        change = change.where(session.c.id != but)
    if way is not None:
        change = change.where(session.c.way == way)
    return len((await db.execute(change.values(revoked_at=sa.func.now()).returning(session.c.id))).all())


def digest(secret: str) -> bytes:
    """Hash an id as the rows have it."""
    return hashlib.sha256(secret.encode()).digest()


def _is_live(idle: timedelta) -> tuple[Any, ...]:
    now = sa.func.now()
    in_time = (session.c.ends_at > now, session.c.used_at > now - idle)
    return (session.c.revoked_at.is_(None), *in_time, session.c.token_id.is_(None) | _lives_by_token)


async def _make_room(db: AsyncConnection, user_id: int) -> None:
    """Delete what ended long ago, and let the least used sessions end, so that signing in leaves no pile."""
    ended = sa.func.least(session.c.ends_at, session.c.revoked_at)  # NULL counts for nothing in `least`
    mine = session.c.user_id == user_id
    await db.execute(sa.delete(session).where(mine, ended < sa.func.now() - KEPT))
    last_used = sa.select(session.c.id).where(mine, session.c.revoked_at.is_(None)).order_by(session.c.used_at.desc())
    surplus = sa.update(session).where(session.c.id.in_(last_used.offset(MOST - 1)))
    await db.execute(surplus.values(revoked_at=sa.func.now()))
