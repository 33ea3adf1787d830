"""`rigline web`: one web process, on TCP and on a Unix socket for local clients."""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop
from hypercorn.asyncio import serve, tcp_server
from hypercorn.config import Config

from app import deps, journal
from app.cli.start import check
from app.dispatch import presence
from app.errors import StartupError
from app.main import create_app
from app.settings import Settings, make_private
from app.web.health import DRAINING

GRACE = 3.0  # seconds for open requests at the end; live streams and long polls do not end by themselves
KEEP_ALIVE = 60  # seconds an idle connection stays open
BACKLOG = 1024
RECEIVED = 256 << 10  # bytes of a body at a time: hypercorn's 64 KiB make four times the steps of a log's piece

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
log = structlog.get_logger()


@click.command()
def web() -> None:
    """Run one web process. Run as many as you like over the same database and Redis."""
    settings = Settings.load()
    check(settings)
    journal.configure(settings.log_format, settings.log_level)
    with listening(settings) as (tcp, local):
        click.echo(f"Rigline listens on {address(tcp)}", err=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(reached(settings, tcp), tcp, local))


async def _until_signalled(settings: Settings, tcp: socket.socket, local: socket.socket | None) -> None:
    told, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGINT, _interrupted, told, hurry)
    await run(settings, tcp, local, told, hurry)


def _interrupted(told: asyncio.Event, hurry: asyncio.Event) -> None:
    told.set()
    hurry.set()


async def run(
    settings: Settings,
    tcp: socket.socket,
    local: socket.socket | None,
    told: asyncio.Event,
    hurry: asyncio.Event | None = None,
) -> None:
    """Serve on both sockets until `told` is set; then let open requests end, for a bounded time.

    Behind a proxy the process first says for `drain_s` that it is not ready and closes each connection after its
    answer, while it goes on serving: so the proxy has turned elsewhere before a connection is refused.

    Args:
        hurry: set to end that time at once.
    """
    made = await deps.build(settings)
    stop = asyncio.Event()
    try:
        app = create_app(made)
        app.extensions["stopping"] = stop  # live streams end then, and readers come back to another process
        app.extensions[DRAINING] = told
        async with asyncio.TaskGroup() as servers:
            showing = servers.create_task(presence.show(made))
            tasks = [servers.create_task(serve_on(app, tcp, local=False, stop=stop))]
            if local is not None:
                tasks.append(servers.create_task(serve_on(app, local, local=True, stop=stop)))
            gc.freeze()  # what is loaded by now stays: the collector need not look at it again
            await _first(told.wait(), tasks)
            if settings.drain_s and not all(task.done() for task in tasks):
                await _first((hurry or asyncio.Event()).wait(), tasks, settings.drain_s)
            for room in ("waiting", "signals"):
                app.extensions[room].dismiss()
            stop.set()
            _, late = await asyncio.wait(tasks, timeout=GRACE + 1)
            for task in (*late, showing):
                task.cancel()
    finally:
        await made.close()


async def _first(said: Any, tasks: list[asyncio.Task[None]], limit_s: float | None = None) -> None:
    """Wait until something is said, a server ends by itself, or the time is over."""
    waiting = asyncio.ensure_future(said)
    await asyncio.wait([waiting, *tasks], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def serve_on(app: Any, on: socket.socket, *, local: bool, stop: asyncio.Event) -> None:
    """Serve an application on one socket until `stop` is set."""
    tcp_server.MAX_RECV = RECEIVED
    config = Config()
    config.bind = [f"fd://{on.detach()}"]  # hypercorn's now: when it closes it, nobody waits for an answer in vain
    config.backlog = BACKLOG
    config.graceful_timeout = GRACE
    config.keep_alive_timeout = KEEP_ALIVE
    config.include_server_header = False
    config.loglevel = "WARNING"
    await serve(marked(app, local=local), config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


def marked(app: App, *, local: bool) -> App:
    """Say in each request's scope, as `rigline.local`, whether it came over the Unix socket.

    Each socket has a server and a wrapper of its own: nothing that a client sends decides it.
    """

    async def wrapper(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "rigline.local": local}, receive, send)

    return wrapper


@contextmanager
def listening(settings: Settings) -> Iterator[tuple[socket.socket, socket.socket | None]]:
    """Open the TCP port and, if no other process of this data directory has it, the Unix socket.

    Raises:
        StartupError: the port is in use or not ours to take.
    """
    with contextlib.ExitStack() as opened:
        tcp = opened.enter_context(_tcp(settings.bind, settings.port))
        local = opened.enter_context(_local(settings.socket))
        yield tcp, local


def reached(settings: Settings, tcp: socket.socket) -> Settings:
    """Name the port that the machine chose where port 0 was asked for, also in the addresses that we give out."""
    port = tcp.getsockname()[1]
    said = {"public_url": f"http://127.0.0.1:{port}"} if settings.public_url == "http://127.0.0.1:0" else {}
    return settings.model_copy(update={"port": port} | said)


def address(tcp: socket.socket) -> str:
    """Write a socket's address for people."""
    host, port = tcp.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # shown, not bound
        return f"http://127.0.0.1:{port} (and every other address of this machine)"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tcp(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)  # who comes before the application is ready waits
    except OSError as error:
        made.close()
        why = error.strerror or error
        raise StartupError(f"Cannot listen on {host}:{port}: {why}. Choose another by PORT or --port.") from None
    made.setblocking(False)
    return made


@contextmanager
def _local(path: Path) -> Iterator[socket.socket | None]:
    """Open the Unix socket, under a lock that says whose it is; None if that is not to be had."""
    with contextlib.ExitStack() as opened:
        try:
            make_private(path.parent)
            lock = opened.enter_context(path.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            made = opened.enter_context(_bound(path))
            opened.callback(path.unlink, missing_ok=True)
        except BlockingIOError:  # another web process of this data directory has it
            made = None
        except OSError as error:  # a folder we may not write, or a path that is too long
            log.warning("no_local_socket", path=str(path), error=str(error))
            made = None
        yield made


def _bound(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)  # so that it is never there with another mode than 0600
    try:
        made.bind(str(path))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    made.setblocking(False)
    return made
