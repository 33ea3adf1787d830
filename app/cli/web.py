"""`rigline web`: one web process, on TCP and on a Unix socket for local clients."""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop
from hypercorn.asyncio import serve, tcp_server

from app import deps, journal
from app.cli.start import check
from app.dispatch import presence
from app.errors import StartupError
from app.main import create_app
from app.settings import Settings, make_private
from app.web import connections, proxied, tls
from app.web.connections import Counted
from app.web.health import DRAINING
from app.web.tls import Certificate

GRACE = 3.0  # seconds for open requests at the end; live streams and long polls are told to end
GIVEN_UP = 5.0  # seconds for what was given up to notice
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
    with listening(settings) as opened:
        click.echo(f"Rigline listens on {opened.address}", err=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(reached(settings, opened), opened))


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a web process listens on."""

    tcp: socket.socket
    local: socket.socket | None = None  # the Unix socket, if no other process has it
    plain: socket.socket | None = None  # plain HTTP that leads to HTTPS
    certificate: Certificate | None = None  # of tcp

    @property
    def address(self) -> str:
        """Write the address of the TCP port for people."""
        return address(self.tcp, scheme="https" if self.certificate else "http")


async def _until_signalled(settings: Settings, opened: Opened) -> None:
    told, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGINT, _interrupted, told, hurry)
    await run(settings, opened, told, hurry)


def _interrupted(told: asyncio.Event, hurry: asyncio.Event) -> None:
    told.set()
    hurry.set()


async def run(settings: Settings, opened: Opened, told: asyncio.Event, hurry: asyncio.Event | None = None) -> None:
    """Serve on all sockets until `told` is set; then let open requests end, for a bounded time.

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
            beside = [servers.create_task(presence.show(made)), *_following(opened, servers)]
            tasks = [servers.create_task(each) for each in _servers(app, settings, opened, stop)]
            gc.freeze()  # what is loaded by now stays: the collector need not look at it again
            await _first(told.wait(), tasks)
            if settings.drain_s and not all(task.done() for task in tasks):
                await _first((hurry or asyncio.Event()).wait(), tasks, settings.drain_s)
            for room in ("waiting", "signals"):
                app.extensions[room].dismiss()
            stop.set()
            _, late = await asyncio.wait(tasks, timeout=GRACE + GIVEN_UP + 1)
            for task in (*late, *beside):
                task.cancel()
    finally:
        await made.close()


def _following(opened: Opened, beside: asyncio.TaskGroup) -> Iterator[asyncio.Task[None]]:
    """Follow a renewed certificate, by the clock and at once on SIGHUP."""
    if opened.certificate is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, opened.certificate.renew)
        yield beside.create_task(opened.certificate.follow())


def _servers(app: Any, settings: Settings, opened: Opened, stop: asyncio.Event) -> Iterator[Any]:
    """Give a server for each socket."""
    over_tcp = proxied.believing(marked(app, local=False), settings.trusted_proxies)
    if opened.certificate is not None:
        over_tcp = tls.strict(over_tcp, opened.certificate)
    yield serve_on(over_tcp, opened.tcp, stop=stop, certificate=opened.certificate)
    if opened.local is not None:
        yield serve_on(marked(app, local=True), opened.local, stop=stop)
    if opened.plain is not None:
        yield serve_on(tls.redirecting(settings.public_url), opened.plain, stop=stop)


async def _first(said: Any, tasks: list[asyncio.Task[None]], limit_s: float | None = None) -> None:
    """Wait until something is said, a server ends by itself, or the time is over."""
    waiting = asyncio.ensure_future(said)
    await asyncio.wait([waiting, *tasks], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def serve_on(app: App, on: socket.socket, *, stop: asyncio.Event, certificate: Certificate | None = None) -> None:
    """Serve an application on one socket until `stop` is set; with a certificate by TLS."""
    tcp_server.MAX_RECV = RECEIVED
    config = _Config(certificate)
    config.bind = [f"fd://{on.detach()}"]  # hypercorn's now: when it closes it, nobody waits for an answer in vain
    config.backlog = BACKLOG
    config.graceful_timeout = GRACE + GIVEN_UP
    config.keep_alive_timeout = KEEP_ALIVE
    config.include_server_header = False
    config.loglevel = "WARNING"
    ending = asyncio.create_task(connections.give_up_late(config, stop, GRACE))
    try:
        await serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    finally:
        ending.cancel()


class _Config(Counted):
    """Hypercorn's settings, with a context of ours: a renewed certificate is put into it while it serves."""

    def __init__(self, certificate: Certificate | None) -> None:
        super().__init__()
        self._certificate = certificate

    @property
    def ssl_enabled(self) -> bool:
        """Say whether this server speaks TLS."""
        return self._certificate is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        """Give the certificate's context."""
        return self._certificate.context if self._certificate else None


def marked(app: App, *, local: bool) -> App:
    """Say in each request's scope, as `rigline.local`, whether it came over the Unix socket.

    Each socket has a server and a wrapper of its own: nothing that a client sends decides it.
    """

    async def wrapper(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope["rigline.local"] = local  # into the request's own dict: a copy would stay as long as a held request
        await app(scope, receive, send)

    return wrapper


@contextmanager
def listening(settings: Settings) -> Iterator[Opened]:
    """Open the TCP port, the one of plain HTTP, and the Unix socket if no other process of this data directory has it.

    Raises:
        StartupError: a port is in use or not ours to take, or the certificate is no good.
    """
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
    with contextlib.ExitStack() as opened:
        yield Opened(
            tcp=opened.enter_context(_tcp(settings.bind, settings.port)),
            plain=opened.enter_context(_tcp(settings.bind, settings.redirect_port)) if settings.redirect_port else None,
            local=opened.enter_context(_local(settings.socket)),
            certificate=certificate,
        )


def reached(settings: Settings, opened: Opened) -> Settings:
    """Name the port that the machine chose where port 0 was asked for, also in the addresses that we give out."""
    port = opened.tcp.getsockname()[1]
    scheme = "https" if opened.certificate else "http"
    said = {"public_url": f"{scheme}://127.0.0.1:{port}"} if settings.public_url == f"{scheme}://127.0.0.1:0" else {}
    return settings.model_copy(update={"port": port} | said)


def address(tcp: socket.socket, scheme: str = "http") -> str:
    """Write a socket's address for people."""
    host, port = tcp.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # shown, not bound
        return f"{scheme}://127.0.0.1:{port} (and every other address of this machine)"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


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
