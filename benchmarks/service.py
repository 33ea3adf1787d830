"""The service as it runs for its users: own PostgreSQL and Valkey with durability on, web, a worker."""

import asyncio
import contextlib
import functools
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.db import schema
from app.db.queries import builders, repositories
from app.db.session import engine
from app.embedded import child, folder, services
from app.settings import Settings
from benchmarks import pushes
from benchmarks.accounting import Stopwatch
from benchmarks.forge import Statuses
from integrations.forge import RepositoryFacts

START_LIMIT = 60.0  # seconds
FILES = 8192  # open files: a long poll holds one in web and one here


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service: where it is, and its processes."""

    settings: Settings
    port: int
    forge_port: int  # where a GitHub must listen that takes statuses
    statuses: Statuses = field(default_factory=Statuses)  # those it took
    roots: dict[str, int] = field(default_factory=dict)  # process ids by name

    def stopwatch(self, **others: int) -> Stopwatch:
        """Count the CPU time of the service's processes, and of others, from now on."""
        return Stopwatch(self.roots | others)

    async def serve_repository(self, clone_url: str) -> None:
        """Register the repository that the pushes speak of."""
        facts = RepositoryFacts(
            id=pushes.REPOSITORY, full_name=pushes.NAME, clone_url=clone_url, default_branch="main", private=False
        )
        made = engine(self.settings.database_url)
        async with made.begin() as db:
            await repositories.add(db, "github", facts)
        await made.dispose()

    async def create_builders(self, names: list[str]) -> list[str]:
        """Create builders; give their tokens."""
        made = engine(self.settings.database_url)
        async with made.begin() as db:
            created = [await builders.create(db, name) for name in names]
        await made.dispose()
        return [f"rlb_{number}.{secret}" for number, secret in created]


@contextmanager
def running(kept: Path | None = None) -> Iterator[Service]:
    """Start everything in a fresh data directory, and leave nothing behind; or in one that is to be kept."""
    _allow_files()
    forge_port = _free_port()
    with contextlib.ExitStack() as opened:
        fresh = tempfile.TemporaryDirectory(prefix="rigline-bench-")
        data_dir = kept or Path(opened.enter_context(fresh))
        data_dir.mkdir(parents=True, exist_ok=True)
        environ = _environment(data_dir, forge_port)
        settings = Settings.load(environ)
        opened.enter_context(folder.held(data_dir))
        servers = opened.enter_context(services.running(settings))
        asyncio.run(schema.upgrade(settings.database_url))
        roots = {one.name.lower(): one.process.pid for one in servers if one.process}
        for name in ("web", "worker"):
            roots[name] = opened.enter_context(_process(name, environ, data_dir / f"{name}.log")).pid
        _wait(settings.port, data_dir / "web.log")
        opened.push(functools.partial(_show_logs, data_dir))
        yield Service(settings=settings, port=settings.port, forge_port=forge_port, roots=roots)


def _environment(data_dir: Path, forge_port: int) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RIGLINE_")}
    for name in ("DATABASE_URL", "REDIS_URL"):
        ours.pop(name, None)
    return ours | {
        "RIGLINE_DATA_DIR": str(data_dir),
        "RIGLINE_BIND": "127.0.0.1",
        "PORT": str(_free_port()),
        "RIGLINE_GITHUB_API_URL": f"http://127.0.0.1:{forge_port}",
        "RIGLINE_GITHUB_TOKEN": "only for benchmarks",
        "RIGLINE_GITHUB_WEBHOOK_SECRETS": pushes.SECRET,
    }


@contextmanager
def _process(name: str, environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "app.cli", name]
    process = child.start(argv, dies_by=signal.SIGTERM, env=environ, log=log)
    try:
        yield process
    finally:
        child.stop(process, by=signal.SIGTERM, limit=15)


def _show_logs(data_dir: Path, kind: type[BaseException] | None, *_: object) -> None:
    """Say what the service said, when a benchmark fails."""
    for log in sorted(data_dir.glob("w*.log")) if kind is not None else ():
        print(f"\n{log.name}:\n{log.read_text(errors='replace')[-2000:]}", file=sys.stderr)


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"web did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    """Find a port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _allow_files() -> None:

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(FILES, hard)), hard))
