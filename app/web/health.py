"""What machines ask: does the process live, can it work, how much did it do."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

import redis
import sqlalchemy as sa
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from quart import Blueprint, Response, current_app

from app.db.queries import backups, tallies
from app.db.queries.backups import Standing
from app.db.queries.tallies import HELP
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
    """Expose this process's counters, and those of the whole service, in Prometheus' text format."""
    deps: Deps = current_app.extensions["deps"]
    return Response(generate_latest() + await _of_the_service(deps), content_type=CONTENT_TYPE_LATEST)


class _Kept:
    """What the database counts, in the form that Prometheus' library writes."""

    def __init__(self, counts: Mapping[tuple[str, str], int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        for tally, (text, label) in HELP.items():
            family = CounterMetricFamily(tally.value, text, labels=[label])
            for (name, kind), times in self._counts.items():
                if name == tally:
                    family.add_metric([kind], times)
            yield family


class _Backups:
    """How it stands with backups; nothing where none is made by the clock."""

    def __init__(self, found: Standing | None) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        if self._found is None:
            return
        text = "1 if the last backup by the clock failed."
        yield GaugeMetricFamily("rigline_backup_failing", text, value=int(self._found.failing))
        if self._found.age_s is not None:
            text = "Seconds since the last good backup by the clock began."
            yield GaugeMetricFamily("rigline_backup_age_seconds", text, value=self._found.age_s)
            text = "Bytes of the last good backup by the clock."
            yield GaugeMetricFamily("rigline_backup_size_bytes", text, value=self._found.size or 0)


async def _of_the_service(deps: Deps) -> bytes:
    """Write the counts of all processes; nothing while the database is away."""
    try:
        async with deps.autocommit() as db:
            counts, saved = await tallies.read(db), await backups.standing(db)
    except (OSError, sa.exc.SQLAlchemyError):
        return b""
    registry = CollectorRegistry()
    registry.register(_Kept(counts))
    registry.register(_Backups(saved))
    return bytes(generate_latest(registry))


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
