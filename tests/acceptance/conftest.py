"""A service as `rigline serve` runs it, a git server, and builders beside it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from integrations.fake.git_http import GitHttp
from tests.acceptance import processes
from tests.acceptance.processes import BUILDER, RIGLINE, Ended


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running `rigline serve` and the commands that speak to it."""

    url: str
    folder: Path
    env: dict[str, str]
    git_url: str

    async def rigline(self, *words: str, limit: float = 120.0) -> Ended:
        """Run a client command over the service's Unix socket."""
        return await processes.command(*RIGLINE, *words, env=self.env, limit=limit)

    @asynccontextmanager
    async def builder(self, name: str, configuration: Path) -> AsyncIterator[asyncio.subprocess.Process]:
        """Register a builder and run its agent."""
        created = await self.rigline("builder", "create", name)
        assert created.status == 0, created.err
        exports = dict(
            line.removeprefix("export ").split("=", 1)
            for line in created.out.splitlines()
            if line.startswith("export ")
        )
        env = {key: value.strip("'\"") for key, value in exports.items()} | {
            "XDG_STATE_HOME": str(self.folder / f"{name}-state")
        }
        log = self.folder / f"{name}.log"
        words = (*BUILDER, "--config", str(configuration), "connect", "--server", self.url)
        async with processes.running(*words, env=env, log=log) as child:
            await processes.said(log, r"(?i)connected", child)
            yield child


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a port of its own; yields the address."""
    config, stop = Config(), asyncio.Event()
    config.bind, config.loglevel = ["127.0.0.1:0"], "ERROR"
    sockets = config.create_sockets()
    port = sockets.insecure_sockets[0].getsockname()[1]
    config.bind = [f"fd://{sockets.insecure_sockets[0].detach()}"]
    server = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    yield f"http://127.0.0.1:{port}"
    stop.set()
    await server


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Run the embedded service below a folder of its own, with a git server it may fetch from."""
    (tmp_path / "git").mkdir()
    log = tmp_path / "serve.log"
    async with AsyncExitStack() as opened:
        git_url = await opened.enter_async_context(serving(GitHttp(tmp_path / "git")))
        env = {
            "RIGLINE_DATA_DIR": str(tmp_path / "data"),
            "RIGLINE_ALLOWED_REMOTES": f"{git_url}/",
            "TMPDIR": str(tmp_path),
        }
        words = (*RIGLINE, "serve", "--port", "0")
        child = await opened.enter_async_context(processes.running(*words, env=env, log=log))
        found = await processes.said(log, r"listens on (http://127\.0\.0\.1:\d+)", child)
        await processes.ready(found[1], child, log)
        yield Service(url=found[1], folder=tmp_path, env=env, git_url=git_url)


def repository(folder: Path, name: str, files: dict[str, str]) -> str:
    """Make a bare repository of one commit; returns the commit."""
    tree = folder / f"{name.replace('/', '-')}-tree"
    tree.mkdir(parents=True)
    for file, text in files.items():
        (tree / file).write_text(text)
        (tree / file).chmod(0o755)
    steps = (
        ("init", "--quiet", "--initial-branch=main", str(tree)),
        ("-C", str(tree), "add", "."),
        (
            "-C",
            str(tree),
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.org",
            "commit",
            "--quiet",
            "-m",
            "Add a program",
        ),
        ("clone", "--quiet", "--bare", str(tree), str(folder / f"{name}.git")),
    )
    for words in steps:
        subprocess.run(["git", *words], check=True, capture_output=True)
    return subprocess.run(
        ["git", "-C", str(tree), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
