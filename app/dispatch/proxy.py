"""A builder as RQ sees it: a worker that never runs code, driven through RQ's own lifecycle.

All of this is synchronous and runs in `deps.threads`. Nothing is kept in memory between two calls, so
any process of the service may go on where another one stopped.
"""

import contextlib
import os
from typing import Any
from urllib.parse import quote

import redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.utils import as_text, current_timestamp, now
from rq.worker import WorkerStatus
from rq.worker_registration import register

from app.db.models import Priority
from app.rq_alone import AloneWorker

PREFIX = "board:"  # an ordinary worker for all queues of RQ's default names never meets these
STUB = "app.dispatch.stub.run_on_a_builder"
RESULT_TTL = 24 * 3600  # seconds
FAILURE_TTL = 7 * 24 * 3600  # seconds
RETRIES = 2  # without any, RQ fails a job that was lost between the pop and the start
WORKER_TTL = 300  # seconds an idle builder stays visible in `rq info` after its last claim
BEAT_TTL = 240  # seconds RQ waits for the sweep's heartbeat before it calls a job abandoned

# One job's id leaves the queue for RQ's own safety copy in one step, wherever in the queue it is.
# LMOVE does the same for the first one only; rows, not positions, decide who is next.
_TAKE = """
if redis.call("LREM", KEYS[1], 0, ARGV[1]) == 0 then return 0 end
redis.call("RPUSH", KEYS[2], ARGV[1])
return 1
"""
_REST = """
if redis.call("SCARD", KEYS[1]) == 0 then redis.call("HSET", KEYS[2], "state", ARGV[1]) end
return redis.call("EXPIRE", KEYS[2], ARGV[2])
"""
_PUT_BACK = """
redis.call("LREM", KEYS[2], 0, ARGV[1])
redis.call("LREM", KEYS[1], 0, ARGV[1])
redis.call("LPUSH", KEYS[1], ARGV[1])
return 1
"""


def queue_name(board_type: str, priority: Priority | str) -> str:
    """Name the queue of a board type and a priority class."""
    return f"{PREFIX}{quote(board_type, safe='')}:{Priority(priority)}"


def rq_id(job_id: int) -> str:
    """Name the RQ job of one of our jobs."""
    return f"job-{job_id}"


def job_id_of(rq_job_id: str) -> int | None:
    """Read our job's id out of an RQ job's; None for a foreign one."""
    digits = rq_job_id.removeprefix("job-")
    return int(digits) if digits.isascii() and digits.isdigit() else None


class Proxy(AloneWorker):
    """One builder. No signal handlers, no subscription, no work loop: its claims and ends drive it."""

    death_penalty_class = TimerDeathPenalty  # SIGALRM works in the main thread only
    log_result_lifespan = False

    def __init__(self, name: str, queues: list[str], connection: redis.Redis) -> None:
        super().__init__(
            queues,
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            prepare_for_work=False,
            worker_ttl=WORKER_TTL,
            job_monitoring_interval=BEAT_TTL,
        )
        self.hostname, self.pid, self.ip_address = name, os.getpid(), ""

    def _set_connection(self, connection: redis.Redis) -> redis.Redis:
        """Leave the pool's time limit alone: RQ would raise it to minutes for everybody."""
        return connection

    def procline(self, message: str) -> None:
        """Leave this process's name alone."""

    def adopt(self, *, everywhere: bool = True) -> None:
        """Show the builder as a living worker, whichever process did so before.

        Args:
            everywhere: these are all its queues; otherwise what is known of them stays.
        """
        self.birth_date = self.last_heartbeat = now()
        facts = self.serialize()
        with self.connection.pipeline() as pipeline:
            pipeline.hsetnx(self.key, "state", WorkerStatus.IDLE)
            if not everywhere:
                pipeline.hsetnx(self.key, "queues", facts.pop("queues"))
            pipeline.hset(self.key, mapping=facts)
            register(self, pipeline)
            pipeline.expire(self.key, self.worker_ttl + 60)
            pipeline.execute()

    def start(self, job_id: int) -> bool:
        """Take RQ's steps from the pop to the run; False if RQ does not know the job."""
        with self.connection.pipeline(transaction=False) as looks:
            looks.hgetall(Job.key_for(rq_id(job_id)))
            looks.exists(self.key)
            found, is_shown = looks.execute()
        job = _restored(self.connection, job_id, found)
        if job is None:
            return False
        if not is_shown:
            self.adopt(everywhere=False)
        self.prepare_execution(job)
        return True

    def finish(self, job_id: int, outcome: str) -> None:
        """Take RQ's steps after a run that said something, be it good or bad. Harmless if repeated."""
        job = fetch(self.connection, job_id)
        if job is None or job.get_status(refresh=False) != JobStatus.STARTED:
            return
        execution = self._only_execution(job)
        if execution is None:  # RQ has called it abandoned, or was emptied
            job.delete()
            return
        job.ended_at = now()
        job._result = outcome
        self.handle_job_success(job, _queue(job), job.started_job_registry, execution)

    def fail(self, job_id: int, reason: str, *, again: bool) -> None:
        """Take RQ's steps after a loss of ours; `again` puts the job back at the front of its queue."""
        job = fetch(self.connection, job_id)
        if job is None or job.get_status(refresh=False) != JobStatus.STARTED:
            return
        job.ended_at = now()
        job.retries_left = max(1, job.retries_left or 0) if again else 0  # our rows count, RQ follows
        self.handle_job_failure(job, _queue(job), exc_string=reason, execution=self._only_execution(job))
        self.rest(self.connection)

    def _only_execution(self, job: Job) -> Execution | None:
        """Find the execution that RQ has of a job, and remove others that a fault left behind."""
        found = _executions(job)
        if len(found) > 1:
            with self.connection.pipeline() as pipeline:
                for each in found[1:]:
                    each.delete(job, pipeline)
                pipeline.execute()
        return found[0] if found else None

    def beat(self, job_id: int) -> bool:
        """Tell RQ that the job is alive; False if RQ does not know it as started."""
        job = fetch(self.connection, job_id)
        executions = _executions(job) if job is not None else []
        if job is None or not executions:
            return False
        self.adopt(everywhere=False)
        self.set_state(WorkerStatus.BUSY)
        self.maintain_heartbeats(job, executions[0])
        return True

    def rest(self, pipeline: redis.Redis) -> None:
        """Show the builder as idle if that was its last job."""
        keys = (self.executions_key, self.key)
        pipeline.eval(_REST, len(keys), *keys, WorkerStatus.IDLE.value, self.worker_ttl + 60)


def fetch(connection: redis.Redis, job_id: int) -> Job | None:
    """Read the RQ job of one of ours."""
    return _restored(connection, job_id, connection.hgetall(Job.key_for(rq_id(job_id))))


def _restored(connection: redis.Redis, job_id: int, found: Any) -> Job | None:
    if not found:
        return None
    job = Job(rq_id(job_id), connection=connection, serializer=JSONSerializer)
    job.restore(found)
    return job


def queue(connection: redis.Redis, name: str) -> Queue:
    """Open a board queue."""
    return Queue(name, connection=connection, serializer=JSONSerializer, default_timeout=-1)


def enqueue(connection: redis.Redis, name: str, job_ids: list[int], *, at_front: bool = False) -> int:
    """Queue the jobs that are not in the queue yet, in their order; return how many that were."""
    there = queue(connection, name)
    with connection.pipeline(transaction=False) as looks:
        for job_id in job_ids:
            looks.lpos(there.key, rq_id(job_id))
            looks.lpos(there.intermediate_queue_key, rq_id(job_id))
        places = looks.execute()
    missing = [each for each, *found in zip(job_ids, places[::2], places[1::2], strict=True) if found == [None, None]]
    with connection.pipeline() as pipeline:
        for job_id in reversed(missing) if at_front else missing:
            there.enqueue_call(
                STUB,
                args=(job_id,),
                job_id=rq_id(job_id),
                timeout=-1,
                ttl=None,  # our rows know for how long a job may wait
                result_ttl=RESULT_TTL,
                failure_ttl=FAILURE_TTL,
                retry=Retry(max=RETRIES, enqueue_at_front=True),
                description=f"job {job_id}",
                at_front=at_front,
                pipeline=pipeline,
            )
        pipeline.execute()
    return len(missing)


def keys(connection: redis.Redis, name: str) -> list[str]:
    """Name the lists of a queue: what waits, and RQ's safety copy of what was popped."""
    there = queue(connection, name)
    return [there.key, there.intermediate_queue_key]


def take(connection: redis.Redis, name: str, job_id: int) -> bool:
    """Pop exactly this job; False if somebody else did, or RQ does not have it."""
    return bool(connection.eval(_TAKE, 2, *keys(connection, name), rq_id(job_id)))


def put_back(connection: redis.Redis, name: str, job_id: int) -> None:
    """Undo a pop: the job is the next one of its queue again."""
    connection.eval(_PUT_BACK, 2, *keys(connection, name), rq_id(job_id))
    forget_sighting(connection, name, job_id)


def forget_sighting(connection: redis.Redis, name: str, job_id: int) -> None:
    """Forget since when the job has been in the safety copy; RQ itself would remember it for a day."""
    connection.delete(queue(connection, name).intermediate_queue.get_first_seen_key(rq_id(job_id)))


def unlist(connection: redis.Redis, name: str, job_id: int) -> bool:
    """Take a job off its queue and RQ's safety copy of it; False if it was on neither."""
    with connection.pipeline() as pipeline:
        for key in keys(connection, name):
            pipeline.lrem(key, 0, rq_id(job_id))
        removed = pipeline.execute()
    forget_sighting(connection, name, job_id)
    return any(removed)


def drop(connection: redis.Redis, name: str, job_id: int) -> bool:
    """Remove a job from RQ altogether; False if it was not waiting."""
    was_listed = unlist(connection, name, job_id)
    job = fetch(connection, job_id)
    if job is not None:
        job.delete()
    return was_listed


def _queue(job: Job) -> Queue:
    return queue(job.connection, job.origin)


def _executions(job: Job) -> list[Execution]:
    """List what RQ has of a job's executions, the newest first; ours run one at a time."""
    found = []
    alive: Any = job.connection.zrangebyscore(job.execution_registry.key, current_timestamp(), "+inf")
    for each in alive:
        with contextlib.suppress(ValueError):  # it expired a moment ago
            found.append(Execution.fetch(id=as_text(each), job_id=job.id, connection=job.connection))
    return sorted(found, key=lambda execution: execution.created_at, reverse=True)
