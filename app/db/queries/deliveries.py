"""Deliveries: kept whole and once, handled until something came of them."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import asyncpg
import sqlalchemy as sa
import zstandard
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Delivery, Pipeline, Repository
from app.db.queries import alerts

MAX_BODY = 25 << 20  # bytes: GitHub delivers no more
LEVEL = 3  # of zstd: 10 KB become 2 KB in 0.08 ms
RETRY_S = 3.0  # a delivery nobody has handled is due so long after it came, doubled by each try
MOST_DOUBLINGS = 12  # so the last tries are hours apart
KEPT_VERDICT = 500  # characters

_ADD = """
    INSERT INTO delivery (forge, key, kind, headers, body, body_sha256) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (forge, key) DO NOTHING RETURNING id
"""
_SAME = "SELECT body_sha256 = $3 FROM delivery WHERE forge = $1 AND key = $2"
_AUDIT = "INSERT INTO audit (actor, action, detail) VALUES ($1, 'delivery.conflict', $2)"
_ALERT = """
    INSERT INTO alert (kind, subject, text) VALUES ('delivery_conflict', $1, $2)
    ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE SET times = alert.times + 1, text = excluded.text
"""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What became of a delivery: its id if it is new, else whether it said the same as the one before."""

    id: int | None
    same: bool = True


async def add(
    db: "asyncpg.Connection[Any]", *, forge: str, key: str, kind: str, headers: dict[str, str], body: bytes
) -> Kept:
    """Store a delivery unless one with its key is there. Another body under the same key is noted, not kept."""
    digest = hashlib.sha256(body).digest()
    packed = zstandard.ZstdCompressor(LEVEL).compress(body)
    new = await db.fetchval(_ADD, forge, key, kind, json.dumps(headers), packed, digest)
    if new is not None:
        return Kept(id=new)
    same = bool(await db.fetchval(_SAME, forge, key, digest))
    if not same:
        said = f"{key}: another body, SHA-256 {digest.hex()}, not processed"
        await db.execute(_AUDIT, forge, said)
        await db.execute(_ALERT, f"deliveries of {forge}", f"A genuine delivery came under the key of another. {said}")
    return Kept(id=None, same=same)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A delivery in somebody's hands. `tries` counts this one too."""

    id: int
    forge: str
    kind: str
    headers: dict[str, str]
    body: bytes
    tries: int


async def take(db: AsyncConnection, delivery_id: int) -> Taken | None:
    """Count a try and read the delivery; None if it is handled or gone. The try counts even if the process dies."""
    row = (await db.execute(_take(), {"delivery_id": delivery_id})).mappings().one_or_none()
    if row is None:
        return None
    return Taken(**{**row, "body": unpack(row["body"])})


@cache
def _take() -> sa.UpdateBase:
    columns = (Delivery.id, Delivery.forge, Delivery.kind, Delivery.headers, Delivery.body, Delivery.tries)
    return _open().values(tries=col(Delivery.tries) + 1).returning(*(col(each) for each in columns))


def _open() -> sa.Update:
    return sa.update(Delivery).where(
        col(Delivery.id) == sa.bindparam("delivery_id"), col(Delivery.handled_at).is_(None)
    )


def unpack(body: bytes) -> bytes:
    """Give a kept body back as it came."""
    return zstandard.ZstdDecompressor().decompress(body, max_output_size=MAX_BODY + 1)


async def close(db: AsyncConnection, delivery_id: int, verdict: str, *, allows: str | None = None) -> None:
    """Say what came of a delivery; it is not handled again.

    Args:
        allows: subject of the alert that such deliveries are refused, which ends with it.
    """
    if allows is None:
        await db.execute(_note(is_end=True), _noted(delivery_id, verdict))
        return
    about = {"kind_": alerts.DELIVERY_REFUSED, "subject_": alerts.subject_of(allows)}
    await db.execute(_close_and_resolve(), _noted(delivery_id, verdict) | about)


@cache
def _close_and_resolve() -> sa.Update:
    return _note(is_end=True).add_cte(alerts.resolving.cte("resolved"))


async def note(db: AsyncConnection, delivery_id: int, problem: str) -> None:
    """Say why the last try came to nothing; the delivery is tried again."""
    await db.execute(_note(is_end=False), _noted(delivery_id, problem))


@cache
def _note(*, is_end: bool) -> sa.Update:
    return _open().values(verdict=sa.bindparam("said"), **({"handled_at": sa.func.now()} if is_end else {}))


def _noted(delivery_id: int, verdict: str) -> dict[str, Any]:
    return {"delivery_id": delivery_id, "said": verdict.replace("\0", "")[:KEPT_VERDICT]}


async def unhandled(db: AsyncConnection, older_s: float = RETRY_S, *, limit: int = 100) -> list[int]:
    """List deliveries that are due for a try: the first after `older_s` seconds, each further one twice as late."""
    return list(await db.scalars(_unhandled(older_s, limit)))


@lru_cache(maxsize=4)
def _unhandled(older_s: float, limit: int) -> sa.Select[Any]:
    doublings = sa.func.least(col(Delivery.tries), MOST_DOUBLINGS)
    wait = sa.func.make_interval(0, 0, 0, 0, 0, 0, older_s * sa.func.power(2, doublings))
    due = sa.select(col(Delivery.id)).where(
        col(Delivery.handled_at).is_(None), col(Delivery.received_at) + wait < sa.func.now()
    )
    return due.order_by(col(Delivery.id)).limit(limit)


async def get(db: AsyncConnection, delivery_id: int) -> sa.RowMapping | None:
    """Read one delivery without its body."""
    found = await db.execute(sa.select(*_SHOWN).where(col(Delivery.id) == delivery_id))
    return found.mappings().one_or_none()


async def whole(db: AsyncConnection, delivery_id: int) -> sa.RowMapping | None:
    """Read one delivery with the headers that were kept, its packed body, and how large that is."""
    more = (col(Delivery.headers), col(Delivery.body), sa.func.octet_length(col(Delivery.body)).label("stored_bytes"))
    found = await db.execute(sa.select(*_SHOWN, *more).where(col(Delivery.id) == delivery_id))
    return found.mappings().one_or_none()


async def led_to(db: AsyncConnection, delivery_id: int, *, limit: int = 50) -> list[sa.RowMapping]:
    """List the pipelines that a delivery opened; one that it joined is in its verdict."""
    columns = (Pipeline.id, Pipeline.commit, Pipeline.rule, Pipeline.error)
    asked = sa.select(*(col(each) for each in columns), col(Repository.full_name), col(Repository.forge))
    asked = asked.join(Repository, col(Repository.id) == col(Pipeline.repository_id))
    asked = asked.where(col(Pipeline.delivery_id) == delivery_id).order_by(col(Pipeline.id)).limit(limit)
    return list((await db.execute(asked)).mappings())


async def reopen(db: AsyncConnection, delivery_id: int) -> bool:
    """Make a delivery with its body unhandled, as `replay` does; False if there is none. Handlers are idempotent."""
    mine = sa.update(Delivery).where(col(Delivery.id) == delivery_id, col(Delivery.removed_at).is_(None))
    change = mine.values(handled_at=None, verdict=None, tries=0)
    return await db.scalar(change.returning(col(Delivery.id))) is not None


async def list_(
    db: AsyncConnection, *, forge: str | None = None, before: int | None = None, limit: int = 50
) -> list[sa.RowMapping]:
    """List deliveries, the newest first, without their bodies; `before` is the last id of the page above."""
    asked = sa.select(*_SHOWN).order_by(col(Delivery.id).desc()).limit(limit)
    if forge is not None:
        asked = asked.where(col(Delivery.forge) == forge)
    if before is not None:
        asked = asked.where(col(Delivery.id) < before)
    return list((await db.execute(asked)).mappings())


_SHOWN = (
    col(Delivery.id),
    col(Delivery.forge),
    col(Delivery.key),
    col(Delivery.kind),
    col(Delivery.received_at),
    col(Delivery.handled_at),
    col(Delivery.verdict),
    col(Delivery.tries),
)
