"""One event loop and one set of connections for all tasks of a process, in a thread beside RQ's worker."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import uvloop

from app import deps
from app.deps import Deps
from app.settings import Settings
from app.tasks.catalogue import TASKS

STOP_S = 10.0  # seconds for connections to close


class Runtime:
    """Runs tasks for a synchronous caller. Started once, stopped once."""

    def __init__(self, settings: Settings) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tasks", daemon=True)
        self._thread.start()
        self.deps: Deps = self.call(deps.build(settings))

    def run(self, name: str, row_id: int) -> None:
        """Run a task to its end. When RQ's time limit strikes here, the task is cancelled there."""
        self.call(TASKS[name](row_id, self.deps))

    def call(self, work: Any) -> Any:
        """Run a coroutine on the loop and give its result."""
        future = self.begin(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def begin(self, work: Any) -> "Future[Any]":
        """Start a coroutine on the loop and let it run."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Close connections and end the loop."""
        self.begin(self.deps.close()).result(STOP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)


_current: list[Runtime] = []  # RQ finds its entry point by name, so the process must hold this somewhere


def install(runtime: Runtime) -> None:
    """Let this process's tasks run here."""
    _current[:] = [runtime]


def current() -> Runtime:
    """Give the process's runtime; a plain `rq worker` makes one of the environment's settings."""
    if not _current:
        install(Runtime(Settings.load(keeps_secret_key=False)))
    return _current[0]
