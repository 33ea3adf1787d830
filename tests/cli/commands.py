"""Run client commands: in this process in a thread, or as processes of their own."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from app.cli import main
from tests.api.service import Service

ROOT = Path(__file__).parents[2]
RIGLINE = (sys.executable, "-m", "app.cli")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


async def rigline(*words: str, input: str | None = None, **env: str) -> Ended:
    """Run a command in a thread: the service under test has the event loop."""
    given = {name: "" for name in ("RIGLINE_URL", "RIGLINE_TOKEN", "RIGLINE_PASSWORD", "RIGLINE_REMOTE_TOKEN")}
    chosen = {name: value or None for name, value in (given | env).items()}
    ended = await asyncio.to_thread(CliRunner().invoke, main, list(words), input=input, env=chosen)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


async def local(service: Service, *words: str, **env: str) -> Ended:
    """Run a command over the service's Unix socket, found by its data directory."""
    return await rigline(*words, RIGLINE_DATA_DIR=str(service.settings.data_dir), **env)


async def start(service: Service, *words: str) -> asyncio.subprocess.Process:
    """Start a command as a process of its own."""
    env = {"PATH": os.environ["PATH"], "RIGLINE_DATA_DIR": str(service.settings.data_dir)}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *RIGLINE, *words, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, stdin=asyncio.subprocess.DEVNULL
    )


async def ended(child: asyncio.subprocess.Process) -> Ended:
    """Wait for the end of a process."""
    out, err = await asyncio.wait_for(child.communicate(), 60)
    return Ended(child.returncode or 0, out.decode(), err.decode())
