"""One event loop and one set of connections for all tasks of a process, in a thread beside RQ's worker."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import structlog
import uvloop

from app import deps, journal
from app.db.queries.tallies import Tally
from app.deps import Deps
from app.dispatch import counters
from app.settings import Settings
from app.tasks.catalogue import ABOUT, TASKS

log = structlog.get_logger()
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
        self.call(_named(name, row_id, self.deps))

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


async def _named(name: str, row_id: int, deps: Deps) -> None:
    """Run a task whose lines in the log say what it is about."""
    journal.about(None, task=name, **({ABOUT[name]: row_id} if name in ABOUT else {}))
    try:
        await TASKS[name](row_id, deps)
    except Exception:
        counters.count(Tally.FAULTS, name)
        log.exception("task_failed")
        raise


_current: list[Runtime] = []  # RQ finds its entry point by name, so the process must hold this somewhere


def install(runtime: Runtime) -> None:
    """Let this process's tasks run here."""
    _current[:] = [runtime]


def current() -> Runtime:
    """Give the process's runtime; a plain `rq worker` makes one of the environment's settings."""
    if not _current:
        install(Runtime(Settings.load(keeps_secret_key=False)))
    return _current[0]
