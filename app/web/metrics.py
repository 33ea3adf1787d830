"""`/metrics` in Prometheus' text format: what this process measures, and how the whole service stands."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import redis
import sqlalchemy as sa
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from quart import Blueprint, Quart, Response, current_app, request

from app.db.queries import backups, gauges, tallies
from app.db.queries.backups import Standing
from app.db.queries.gauges import Gauge
from app.db.queries.tallies import HELP
from app.deps import Deps
from app.dispatch import presence
from app.measures import REQUESTS
from app.rights import Right
from app.web import auth

metrics = Blueprint("metrics", __name__)
log = structlog.get_logger()
PATIENCE_S = 5.0  # for the database, then for Redis

_Lines = Sequence[tuple[Gauge, Sequence[tuple[tuple[str, ...], float]]]]


def count_requests(app: Quart) -> None:
    """Count every answer of an application by what was asked and how it ended."""

    @app.after_request
    async def counted(response: Response) -> Response:
        REQUESTS.labels(request.blueprint or "none", f"{response.status_code // 100}xx").inc()
        return response


@metrics.get("/metrics")
async def show() -> Response:
    """Expose this process's counters, and those of the whole service; the latter are missing while a server is away.

    Raises:
        Unauthorized, Forbidden: the service is not public, and who asks has no token that reads.
    """
    deps: Deps = current_app.extensions["deps"]
    if not deps.settings.public:
        await auth.require(Right.READ, {})
    return Response(generate_latest() + await _of_the_service(deps), content_type=CONTENT_TYPE_LATEST)


class _Kept:
    """What was read, in the form that Prometheus' library writes."""

    def __init__(self, counts: Mapping[tuple[str, str], int], found: _Lines, workers: int | None) -> None:
        self._counts, self._found, self._workers = counts, found, workers

    def collect(self) -> Iterator[Metric]:
        for tally, (text, label) in HELP.items():
            counter = CounterMetricFamily(tally.value, text, labels=[label])
            for (name, kind), times in self._counts.items():
                if name == tally:
                    counter.add_metric([kind], times)
            yield counter
        for gauge, lines in self._found:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, number in lines:
                family.add_metric(labels, number)
            yield family
        if self._workers is not None:
            yield GaugeMetricFamily("rigline_workers", "Workers that live.", value=self._workers)


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
    counts: Mapping[tuple[str, str], int] = {}
    found: _Lines = ()
    workers, saved = None, None
    try:
        async with asyncio.timeout(PATIENCE_S), deps.autocommit() as db:
            counts = await tallies.read(db)
            found = list(await gauges.read(db))
            saved = await backups.standing(db)
    except (OSError, sa.exc.SQLAlchemyError) as problem:
        log.warning("service_not_measured", error=str(problem)[:200])
    try:
        async with asyncio.timeout(PATIENCE_S):
            workers = await presence.workers(deps)
    except (OSError, redis.RedisError):
        pass
    registry = CollectorRegistry()
    registry.register(_Kept(counts, found, workers))
    registry.register(_Backups(saved))
    return bytes(generate_latest(registry))
