"""`rigline serve`: the whole service in one command, with its own servers where the settings name none.

This process is web and looks after the others: it starts them, starts again what dies, and
stops them in the order web, worker, Valkey, PostgreSQL.
"""

import asyncio
import contextlib
import functools
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import structlog
import uvloop

from app import environment, first_visit, journal
from app.cli import start
from app.cli import web as web_process
from app.cli.announcing import Announcer
from app.cli.web import Opened
from app.db import schema
from app.db import session as db_session
from app.db.queries import users
from app.embedded import child, folder, services
from app.embedded.child import Child
from app.errors import StartupError
from app.settings import Settings

WORKER_STOP = 15.0  # seconds for the task at hand
LOOK = 1.0  # seconds between two looks at the children
LONGEST_PAUSE = 30.0  # seconds before another start of what keeps dying
WELL_AFTER = 60.0  # seconds after which a death counts as the first one
FORCED = 130  # exit status after a second Ctrl-C, as a shell would say it

log = structlog.get_logger()


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here.  [default: PORT, else 8000]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Keep data here.  [default: RIGLINE_DATA_DIR]")
@click.option("--workers", type=click.IntRange(0, 64), help="Workers for tasks.  [default: RIGLINE_WORKERS, else 1]")
def serve(port: int | None, data_dir: Path | None, workers: int | None) -> None:
    """Run the whole service until Ctrl-C; a second Ctrl-C forces the end.

    Without DATABASE_URL and REDIS_URL it runs a PostgreSQL and a Valkey of its own below the
    data directory, and keeps their schema up to date.
    """
    settings = _settings(port, data_dir, workers)
    journal.configure(settings.log_format, settings.log_level)
    announcer = Announcer()
    signal.signal(signal.SIGTERM, _end_the_start)
    try:
        with folder.held(settings.data_dir), services.running(settings, told=announcer.say) as servers:
            _prepare(settings)
            announcer.say("the schema is the newest")
            with web_process.listening(settings) as opened:
                settings = web_process.reached(settings, opened)
                _greet(settings, opened)
                _invite(settings)
                forced = _serve(settings, opened, servers, announcer)
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # the rest is short, and must not be left half done
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except KeyboardInterrupt:
        sys.exit(FORCED)
    click.echo("Rigline has stopped.", err=True)
    sys.exit(FORCED if forced else 0)


def _settings(port: int | None, data_dir: Path | None, workers: int | None) -> Settings:
    """Let the options stand for their variables, so that all that follows from these follows."""
    try:
        given = environment.everything()
    except environment.BadFile as problem:
        raise StartupError(str(problem)) from None
    bind = {} if port is None or "PORT" in given else {"RIGLINE_BIND": given.get("RIGLINE_BIND", "127.0.0.1")}
    if port is not None:
        given |= {"PORT": str(port)} | bind
    if data_dir is not None:
        given["RIGLINE_DATA_DIR"] = str(data_dir)
    if workers is not None:
        given["RIGLINE_WORKERS"] = str(workers)
    return Settings.load(given)


def _end_the_start(_number: int, _frame: object) -> None:
    """Unwind on SIGTERM before the event loop listens for it: what was started is stopped."""
    raise KeyboardInterrupt


def _prepare(settings: Settings) -> None:
    """Bring our own database to the newest schema; only check one that others may share."""
    if settings.embeds_postgres:
        asyncio.run(schema.upgrade(settings.database_url))
    start.check(settings)


def _greet(settings: Settings, opened: Opened) -> None:
    own = [name for name, ours in (("PostgreSQL", settings.embeds_postgres), ("Valkey", settings.embeds_redis)) if ours]
    click.echo(f"Rigline listens on {opened.address}", err=True)
    click.echo(f"  local clients: {settings.socket}", err=True)
    click.echo(f"  data: {settings.data_dir}" + (f", with its own {' and '.join(own)}" if own else ""), err=True)
    click.echo("  Ctrl-C ends it.", err=True)


def _invite(settings: Settings) -> None:
    """Say how the first admin is made, as long as there is no user; on a shared database a command does that."""
    if not settings.embeds_postgres or asyncio.run(_has_users(settings.database_url)):
        return
    code = first_visit.make(settings.data_dir)
    click.echo(f"  first visit: {settings.public_url}/welcome asks for the code {code}", err=True)
    click.echo(f"               (also in {first_visit.file_of(settings.data_dir)})", err=True)


async def _has_users(database_url: str) -> bool:
    engine = db_session.engine(database_url)
    try:
        async with engine.begin() as db:
            return await users.exist(db)
    finally:
        await engine.dispose()


def _serve(settings: Settings, opened: Opened, servers: list[Child], announcer: Announcer) -> bool:
    """Run web and the workers until a signal; True if a second one forced the end."""
    with _running_workers(settings) as helpers, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_signalled(settings, opened, servers, helpers, announcer))


async def _until_signalled(
    settings: Settings, opened: Opened, servers: list[Child], workers: list[Child], announcer: Announcer
) -> bool:
    stop, force = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _told_to_stop, stop, force, workers)
    announcing = announcer.announce(settings, over_socket=opened.local is not None, workers=workers)
    beside = [loop.create_task(_look_after([*servers, *workers], stop)), loop.create_task(announcing)]
    alone = settings.model_copy(update={"drain_s": 0.0})  # nobody else could serve meanwhile
    web = loop.create_task(web_process.run(alone, opened, stop))
    forcing = loop.create_task(force.wait())
    await asyncio.wait([web, forcing], return_when=asyncio.FIRST_COMPLETED)
    announcer.stopping()
    for task in (*beside, forcing, *([web] if force.is_set() else [])):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await web
    return force.is_set()


def _told_to_stop(stop: asyncio.Event, force: asyncio.Event, workers: list[Child]) -> None:
    if stop.is_set():
        force.set()
        for worker in workers:
            worker.kill()
        return
    click.echo("Stopping; Ctrl-C again forces it.", err=True)
    stop.set()
    for worker in workers:
        worker.ask_to_stop()  # while web ends its requests


async def _look_after(children: list[Child], stop: asyncio.Event) -> None:
    """Start again what died. Not in a thread: the kernel ends a child with the thread that made it."""
    pauses = {child.name: Pause() for child in children}
    while not stop.is_set():
        for one in children:
            if one.has_died() and pauses[one.name].is_over():
                _start_again(one)
            one.trim_log()
        await asyncio.sleep(LOOK)


def _start_again(died: Child) -> None:
    log.error("child_died", name=died.name, status=died.process.returncode if died.process else None)
    try:
        died.start()
    except StartupError as error:  # it says all there is to say: no trace
        log.warning("child_not_started", name=died.name, error=str(error))


class Pause:
    """How long to wait before what died is started again: at once at first, then longer and longer."""

    def __init__(self) -> None:
        self._pause = 0.0
        self._last = 0.0

    def is_over(self) -> bool:
        """Say whether it may be started now; if so, the next pause is longer."""
        now = time.monotonic()
        if now - self._last < self._pause:
            return False
        calm = now - self._last > WELL_AFTER
        self._pause = LOOK if calm else min(2 * self._pause or LOOK, LONGEST_PAUSE)
        self._last = now
        return True


@contextmanager
def _running_workers(settings: Settings) -> Iterator[list[Child]]:
    argv = [sys.executable, "-m", "app.cli", "worker"]
    launch = functools.partial(child.start, argv, dies_by=signal.SIGTERM, env=_environment(settings))
    workers = [Child(f"worker {one}", launch, signal.SIGTERM, WORKER_STOP) for one in range(1, settings.workers + 1)]
    try:
        for worker in workers:
            worker.start()
        yield workers
    finally:
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.stop()


def _environment(settings: Settings) -> dict[str, str]:
    """Give a child our environment, where the options stand for their variables."""
    chosen = {"RIGLINE_DATA_DIR": str(settings.data_dir), "RIGLINE_PUBLIC_URL": settings.public_url}
    return environment.everything() | chosen
