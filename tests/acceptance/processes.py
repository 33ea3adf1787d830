"""Start Rigline's own processes as a user would, and read what they say."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

START_LIMIT = 60.0  # seconds
STOP_LIMIT = 30.0
RIGLINE = (sys.executable, "-m", "app.cli")
BUILDER = (sys.executable, "-m", "builders.cli")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


async def command(*words: str, env: Mapping[str, str], limit: float = 120.0) -> Ended:
    """Run one command to its end."""
    child = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(env),
    )
    try:
        out, err = await asyncio.wait_for(child.communicate(), limit)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise
    return Ended(status=child.returncode or 0, out=out.decode(), err=err.decode())


@asynccontextmanager
async def running(*words: str, env: Mapping[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process until the block ends; then stop it as Ctrl-C would."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=clean_environment(env)
        )
    try:
        yield child
    finally:
        await stop(child)


async def stop(child: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and make sure that it does."""
    if child.returncode is not None:
        return
    child.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(child.wait(), STOP_LIMIT)
    except TimeoutError:
        child.send_signal(signal.SIGABRT)  # its log says then where it was
        await child.wait()
        raise


async def said(log: Path, pattern: str, child: asyncio.subprocess.Process) -> re.Match[str]:
    """Wait until a process has written a line that matches."""
    async with asyncio.timeout(START_LIMIT):
        while not (found := re.search(pattern, log.read_text(errors="replace"))):
            if child.returncode is not None:
                raise AssertionError(f"ended with {child.returncode}:\n{log.read_text(errors='replace')}")
            await asyncio.sleep(0.05)
    return found


async def ready(url: str, child: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until a service answers that it can work."""
    last = "nothing"
    try:
        async with asyncio.timeout(START_LIMIT), httpx2.AsyncClient(base_url=url) as client:
            while True:
                if child.returncode is not None:
                    raise AssertionError(f"ended with {child.returncode}:\n{log.read_text(errors='replace')}")
                try:
                    answer = await client.get("/readyz")
                    if answer.status_code == httpx2.codes.OK:
                        return
                    last = answer.text
                except httpx2.TransportError as problem:
                    last = repr(problem)
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not ready within {START_LIMIT} s, but: {last}") from None


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Give what every process needs and no setting of this one, and what it is told."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**own, "NO_COLOR": "1", "PYTHONFAULTHANDLER": "1", **env}
