"""A worker of the service: an RQ worker that runs tasks in its own process, and the rounds beside it.

A fork for each task would cost 20 ms; the tasks are ours and share one event loop and its connections.
"""

import gc
import math
import os
import socket
import time
from uuid import uuid4

import redis
import structlog
from redis.client import Pipeline
from rq import Queue
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.utils import now as utc_now
from rq.worker import SimpleWorker

from app.dispatch import presence
from app.rq_alone import AloneWorker
from app.settings import Settings
from app.task_queue import QUEUE
from app.tasks import rounds, runtime
from app.tasks.runtime import Runtime
from app.tasks.told import Told

RECONNECT_S = 1.0
BEAT_S = 5.0

log = structlog.get_logger()


class TaskWorker(AloneWorker, SimpleWorker):
    """RQ's worker, as `rq info` shows it. SIGTERM lets the task at hand end."""

    death_penalty_class = UnixSignalDeathPenalty
    told_to_stop = False
    told: Told | None = None  # who listened until this worker does
    beaten_at = asked_at = -math.inf  # by the monotonic clock

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Show that we live; four times for each task of some milliseconds would cost more than the task."""
        now = time.monotonic()
        if pipeline is None and now - self.beaten_at < BEAT_S:
            return
        self.beaten_at = now
        super().heartbeat(timeout, pipeline)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Show what we do; RQ says twice between two tasks that we do nothing."""
        if pipeline is not None or state != self._state:
            super().set_state(state, pipeline)

    def check_for_suspension(self, burst: bool) -> None:
        """Look whether `rq suspend` was said, but not before each task of some milliseconds."""
        now = time.monotonic()
        if now - self.asked_at >= BEAT_S:
            self.asked_at = now
            super().check_for_suspension(burst)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Stay visible for as long as one wait for the next task may take, also after a short task."""
        return max(int(super().get_heartbeat_ttl(job, working_time)), self.worker_ttl + 60)

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """Note the time. RQ would also beat for the callbacks that follow, and our tasks have none."""
        job.ended_at = utc_now()

    def _install_signal_handlers(self) -> None:
        """Listen from now on, and heed what came in the moment before: RQ would wait for a task for minutes."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        if self.told is not None and self.told.to_stop:
            self.told_to_stop = self._stop_requested = True

    def handle_warm_shutdown_request(self) -> None:
        """Remember that the end is wanted: RQ also leaves its loop when Redis is away."""
        self.told_to_stop = True


def main(settings: Settings, told: Told) -> None:
    """Work until SIGTERM or Ctrl-C; then end the task at hand and return. A lost Redis is waited for."""
    running = Runtime(settings)
    runtime.install(running)
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again
    name = _name()
    beside = [running.begin(rounds.run(running.deps)), running.begin(presence.show_worker(running.deps, name))]
    try:
        _work_until_told(settings, name, told)
    finally:
        for each in beside:
            each.cancel()
        running.stop()


def _work_until_told(settings: Settings, name: str, told: Told) -> None:
    while not told.to_stop:
        with redis.from_url(settings.redis_url) as connection:
            told.to_stop |= _work(connection, f"{name}-{uuid4().hex[:6]}", told)
        told.listen()
        if not told.to_stop:
            log.warning("worker_interrupted", wait_s=RECONNECT_S)
            time.sleep(RECONNECT_S)


def _work(connection: redis.Redis, name: str, told: Told) -> bool:
    """Work until told to stop (True) or Redis is away (False)."""
    try:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        worker = TaskWorker(
            [queue], name=name, connection=connection, serializer=JSONSerializer, log_job_description=False
        )
        worker.told = told
        worker.work(logging_level="WARNING")
    except (redis.RedisError, OSError) as problem:
        log.warning("redis_away", error=str(problem)[:200])
        return False
    except StopRequested:
        return True
    return bool(worker.told_to_stop)


def _name() -> str:
    return f"tasks-{socket.gethostname()}-{os.getpid()}"
