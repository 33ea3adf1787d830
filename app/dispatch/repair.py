"""Make RQ agree with the rows: the rows are right, whatever happened to Redis."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import redis
import structlog
from rq import Queue
from rq.utils import now

from app.db.queries import attempts, builders, jobs
from app.db.queries.tallies import Tally
from app.deps import Deps
from app.dispatch import counters, proxy, queue
from app.states import ENDED, HELD, JobState

STUCK_S = 5.0  # a popped job is leased or put back within this time, or whoever popped it died
FRESH_S = 3.0  # what happened a moment ago is still on its way to RQ
SHOWN, SHOWN_S = "rigline:builders-shown", 60  # a key of ours in Redis, and its life
BEAT_BELOW_S = proxy.BEAT_TTL / 2  # an execution that RQ would give up sooner gets a heartbeat

log = structlog.get_logger()


@dataclass
class Seen:
    """What RQ has of our jobs, by their ids; each with the name of its queue."""

    waiting: dict[int, str] = field(default_factory=dict)
    popped: dict[int, str] = field(default_factory=dict)  # in RQ's safety copy
    stuck: set[int] = field(default_factory=set)  # of those: for too long
    started: dict[int, str] = field(default_factory=dict)
    fading: set[int] = field(default_factory=set)  # of those: RQ would give them up soon

    @property
    def ids(self) -> set[int]:
        """All jobs that wait in RQ, were popped from it, or run as far as it knows."""
        return {*self.waiting, *self.popped, *self.started}


async def agree(deps: Deps) -> None:
    """Compare RQ with the rows and put RQ right; each correction is counted."""
    try:
        # RQ first: what is handed out meanwhile looks at worst as if it were still there.
        seen = await queue.call(deps, look)
        async with deps.begin() as db:
            queued, held = await jobs.queued(db), await attempts.held(db)
            places = {row.id: row for row in await jobs.places(db, sorted(seen.ids))}
            living = await builders.living(db)
        missing = [row.id for row in queued if row.id not in seen.ids and row.waited_s > FRESH_S]
        _count("missing", await queue.offer(deps, missing) if missing else 0)
        await queue.call(deps, _correct, seen, places)
        await queue.call(deps, _keep_alive, seen, held)
        await queue.call(deps, _show, living)
    except queue.AWAY as problem:
        log.warning("redis_away", error=str(problem))


def look(connection: redis.Redis) -> Seen:
    """Read RQ's lists of all board queues. Only the safety copy's first sightings are written."""
    names = [each.name for each in Queue.all(connection=connection) if each.name.startswith(proxy.PREFIX)]
    with connection.pipeline(transaction=False) as pipeline:
        for name in names:
            there = proxy.queue(connection, name)
            pipeline.lrange(there.key, 0, -1)
            pipeline.lrange(there.intermediate_queue_key, 0, -1)
            pipeline.zrange(there.started_job_registry.key, 0, -1, withscores=True)
        lists = iter(pipeline.execute())
    seen = Seen()
    for name, waiting, popped, started in zip(names, lists, lists, lists, strict=True):
        seen.waiting |= dict.fromkeys(_ids(waiting), name)
        seen.popped |= dict.fromkeys(_ids(popped), name)
        for entry, until in started:
            found = _ids([entry.partition(b":")[0]])
            seen.started |= dict.fromkeys(found, name)
            seen.fading |= set(found) if until - now().timestamp() < BEAT_BELOW_S else set()
    seen.stuck = {job_id for job_id, name in seen.popped.items() if _is_stuck(connection, name, job_id)}
    return seen


def _ids(entries: Iterable[bytes]) -> list[int]:
    found = (proxy.job_id_of(entry.decode(errors="replace")) for entry in entries)
    return [each for each in found if each is not None]


def _is_stuck(connection: redis.Redis, name: str, job_id: int) -> bool:
    """Note when a popped job was seen first; tell whether that is too long ago."""
    copy = proxy.queue(connection, name).intermediate_queue
    if copy.set_first_seen(proxy.rq_id(job_id)):
        return False
    since = copy.get_first_seen(proxy.rq_id(job_id))
    return since is not None and (now() - since).total_seconds() > STUCK_S


def _correct(connection: redis.Redis, seen: Seen, places: dict[int, Any]) -> None:
    """Take out of RQ what the rows do not confirm, and put back what was popped by somebody who died."""
    for job_id, name in seen.waiting.items():
        state = _state(places, job_id)
        if state is not JobState.QUEUED:
            remove = proxy.unlist if state in HELD else proxy.drop
            _count("not queued", remove(connection, name, job_id))
    for job_id in seen.stuck:
        _unstick(connection, seen.popped[job_id], job_id, _state(places, job_id))
    for job_id, name in seen.started.items():
        state = _state(places, job_id)
        is_fresh = state in ENDED and places[job_id].ended_s < FRESH_S
        if state not in HELD and not is_fresh:
            _end(connection, name, job_id, state)


def _state(places: dict[int, Any], job_id: int) -> JobState | None:
    return JobState(places[job_id].state) if job_id in places else None


def _unstick(connection: redis.Redis, name: str, job_id: int, state: JobState | None) -> None:
    _count("stuck")
    if state is JobState.QUEUED:
        proxy.put_back(connection, name, job_id)
    elif state in HELD:
        proxy.unlist(connection, name, job_id)
    else:
        proxy.drop(connection, name, job_id)


def _end(connection: redis.Redis, name: str, job_id: int, state: JobState | None) -> None:
    """Repeat RQ's part of an end that it did not hear of."""
    _count("not running")
    known = proxy.fetch(connection, job_id)
    worker = proxy.Proxy((known and known.worker_name) or "sweep", [name], connection)
    if state is JobState.QUEUED:
        worker.fail(job_id, "the lease ended", again=True)
    elif state is not None:
        worker.finish(job_id, state)
    else:
        proxy.drop(connection, name, job_id)


def _keep_alive(connection: redis.Redis, seen: Seen, held: Iterable[Any]) -> None:
    """Tell RQ which jobs live; one that it does not know as started is made known again."""
    for row in held:
        name = proxy.queue_name(row.board_type, row.priority)
        worker = proxy.Proxy(row.builder, [name], connection)
        if row.id in seen.fading:
            worker.beat(row.id)
        elif row.id not in seen.ids and row.held_s > FRESH_S:
            _count("not started")
            proxy.enqueue(connection, name, [row.id])
            proxy.take(connection, name, row.id)
            worker.start(row.id)


def _show(connection: redis.Redis, living: Iterable[Any]) -> None:
    """Keep the builders visible as workers, also idle ones; once a minute, or when Redis forgot."""
    if connection.set(SHOWN, 1, nx=True, ex=SHOWN_S):
        for builder in living:
            proxy.Proxy(builder.name, queue.names_for(builder.types), connection).adopt()


def _count(kind: str, times: int = 1) -> None:
    if times:
        counters.count(Tally.DISAGREEMENTS, kind, int(times))
        log.info("queue_disagreed", kind=kind, times=int(times))
