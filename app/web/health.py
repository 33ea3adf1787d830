"""What machines ask of a web process: does it live, and can it work."""

import asyncio
import functools
from http import HTTPStatus

import redis
import sqlalchemy as sa
from quart import Blueprint, current_app

from app.backup.standing import ADVICE, Standing, judge
from app.db import schema
from app.deps import Deps
from app.dispatch import presence

health = Blueprint("health", __name__)
PATIENCE_S = 3.0  # for each of the database and Redis
DRAINING = "draining"  # of app.extensions: an asyncio.Event that is set when no new work should come here
OK, AWAY = "ok", "away"


@health.get("/healthz")
async def live() -> dict[str, str]:
    """Answer while the event loop turns."""
    return {"status": OK}


@health.get("/readyz")
async def ready() -> tuple[dict[str, str | int], HTTPStatus]:
    """Say whether this process can serve: 503 if not, and why.

    503 is for what another process may do better, or nobody can: this one is told to stop, the database or Redis is
    away, the schema is older than the code. With no worker alive web goes on: a webhook that is refused is lost, one
    that is stored is handled later. Then, with a schema that is newer, as in the middle of an update, and when backups
    by the clock fail or do not come, `status` is `degraded`; `advice` says of backups what to do.
    """
    deps: Deps = current_app.extensions["deps"]
    draining: asyncio.Event | None = current_app.extensions.get(DRAINING)
    (database, migrations, saved), (queue, workers) = await asyncio.gather(_database(deps), _redis(deps))
    stops = draining is not None and draining.is_set()
    serves = not stops and database == queue == OK and migrations != "older"
    is_well = serves and migrations == OK and workers > 0 and saved not in ADVICE
    found: dict[str, str | int] = {
        "status": OK if is_well else "degraded" if serves else "stopping" if stops else AWAY,
        "database": database,
        "migrations": migrations,
        "redis": queue,
        "workers": workers,
        "backups": saved,
    }
    if saved in ADVICE:
        found["advice"] = ADVICE[saved]
    return found, HTTPStatus.OK if serves else HTTPStatus.SERVICE_UNAVAILABLE


async def _database(deps: Deps) -> tuple[str, str, Standing]:
    try:
        async with asyncio.timeout(PATIENCE_S), deps.autocommit() as db:
            migrations = _fit(await schema.current(db))
            return OK, migrations, await judge(db, deps.settings) if migrations == OK else Standing.OFF
    except (OSError, sa.exc.SQLAlchemyError):
        return AWAY, "unknown", Standing.OFF


def _fit(revision: str | None) -> str:
    head, known = _known()
    if revision == head:
        return OK
    return "older" if revision is None or revision in known else "newer"


@functools.cache
def _known() -> tuple[str, frozenset[str]]:
    return schema.head(), frozenset(schema.known())


async def _redis(deps: Deps) -> tuple[str, int]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return OK, await presence.workers(deps)
    except (OSError, redis.RedisError):
        return AWAY, 0
