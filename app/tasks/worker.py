"""A worker of the service: an RQ worker that runs tasks in its own process, and the rounds beside it.

A fork for each task would cost 20 ms; the tasks are ours and share one event loop and its connections.
"""

import os
import signal
import socket
import time
from types import FrameType
from uuid import uuid4

import redis
import structlog
from rq import Queue
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker import SimpleWorker

from app.settings import Settings
from app.task_queue import QUEUE
from app.tasks import rounds, runtime
from app.tasks.runtime import Runtime

RECONNECT_S = 1.0

log = structlog.get_logger()


class TaskWorker(SimpleWorker):
    """RQ's worker, as `rq info` shows it. SIGTERM lets the task at hand end."""

    death_penalty_class = UnixSignalDeathPenalty
    told_to_stop = False

    def handle_warm_shutdown_request(self) -> None:
        """Remember that the end is wanted: RQ also leaves its loop when Redis is away."""
        self.told_to_stop = True


def main(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C; then end the task at hand and return. A lost Redis is waited for."""
    running = Runtime(settings)
    runtime.install(running)
    going_round = running.begin(rounds.run(running.deps))
    try:
        _work_until_told(settings)
    finally:
        going_round.cancel()
        running.stop()


def _work_until_told(settings: Settings) -> None:
    told = _Told()
    while not told.to_stop:
        with redis.from_url(settings.redis_url) as connection:
            told.to_stop |= _work(connection)
        told.listen()
        if not told.to_stop:
            log.warning("worker_interrupted", wait_s=RECONNECT_S)
            time.sleep(RECONNECT_S)


def _work(connection: redis.Redis) -> bool:
    """Work until told to stop (True) or Redis is away (False)."""
    try:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        worker = TaskWorker(
            [queue], name=_name(), connection=connection, serializer=JSONSerializer, log_job_description=False
        )
        worker.work(logging_level="WARNING")
    except (redis.RedisError, OSError) as problem:
        log.warning("redis_away", error=str(problem)[:200])
        return False
    except StopRequested:
        return True
    return bool(worker.told_to_stop)


class _Told:
    """Hear a signal also while no RQ worker listens for one."""

    def __init__(self) -> None:
        self.to_stop = False
        self.listen()

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.to_stop = True


def _name() -> str:
    return f"tasks-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
