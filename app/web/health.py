"""What machines ask: does the process live, can it work, how much did it do."""

from http import HTTPStatus

import redis
import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from quart import Blueprint, Response, current_app

from app.deps import Deps

health = Blueprint("health", __name__)


@health.get("/healthz")
async def live() -> dict[str, str]:
    """Answer while the event loop turns."""
    return {"status": "ok"}


@health.get("/readyz")
async def ready() -> tuple[dict[str, str], HTTPStatus]:
    """Say whether the database and Redis answer; 503 if one does not."""
    deps: Deps = current_app.extensions["deps"]
    found = {"database": await _database(deps), "redis": await _redis(deps)}
    well = all(answer == "ok" for answer in found.values())
    return found, HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE


@health.get("/metrics")
async def metrics() -> Response:
    """Expose this process's counters in Prometheus' text format."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


async def _database(deps: Deps) -> str:
    try:
        async with deps.begin() as db:
            await db.execute(sa.text("SELECT 1"))
    except (OSError, sa.exc.SQLAlchemyError):
        return "away"
    return "ok"


async def _redis(deps: Deps) -> str:
    try:
        await deps.redis.ping()
    except (OSError, redis.RedisError):
        return "away"
    return "ok"
