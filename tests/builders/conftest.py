"""A lab in a temporary folder: real git, real agent processes, a fake service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from builders.file_lock import FileLock
from builders.protocol import Source
from tests.builders.fake_service import TOKEN, FakeService

ROOT = Path(__file__).parents[2]


class Project:
    """A git repository to be built."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        named = ("-c", "user.name=An Author", "-c", "user.email=author@example.org")
        done = subprocess.run(["git", *named, *words], cwd=self.path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, title: str = "Change it", **files: str) -> str:
        """Commit files (double underscores in a name are dots) and give the hash."""
        for name, text in files.items():
            file = self.path / name.replace("__", ".")
            file.write_text(text)
            file.chmod(0o755)
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", title)
        return self.git("rev-parse", "HEAD")

    def source(self, commit: str, **also: str) -> Source:
        values = {"repository": "fake-1", "name": "team/project", "url": f"file://{self.path}"} | also
        return Source(commit=commit, **values)


class Lab:
    """One builder's folder, and its agent when started."""

    def __init__(self, folder: Path, service: FakeService) -> None:
        self.folder, self.service = folder, service
        self.agents: list[asyncio.subprocess.Process] = []
        (folder / "scripts").mkdir(parents=True)

    def script(self, name: str, text: str) -> Path:
        file = self.folder / "scripts" / name
        file.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def config(self, text: str, head: str = "", sandbox: str = 'use = "untrusted"') -> Path:
        """Write a configuration; trusted jobs are sandboxed only in the tests that ask for it."""
        file = self.folder / "builder.toml"
        own = f'[builder]\nstate_dir = "state"\n{head}\n[builder.sandbox]\n{sandbox}\n'
        file.write_text(f"version = 1\n{own}{text}")
        return file

    def board(self, build: str = "true", run: str = "true", more: str = "", **limits: float) -> Path:
        """Configure one board `b1` with one configuration `c1` of two shell scripts."""
        self.script("build.sh", build)
        self.script("run.sh", run)
        given = "".join(f"limits.{key} = {value}\n" for key, value in limits.items())
        return self.config(
            '[[boards]]\nname = "b1"\n[[boards.configurations]]\nname = "c1"\n'
            f'build = "scripts/build.sh"\nrun = "scripts/run.sh"\n{given}{more}\n'
        )

    async def connect(self, config: Path | None = None, **env: str) -> asyncio.subprocess.Process:
        """Start the agent and wait until it has said hello."""
        agent = await self.start(config, **env)
        before = len(self.service.hellos)
        await self.service.until(lambda: len(self.service.hellos) > before or agent.returncode is not None)
        return agent

    async def start(self, config: Path | None = None, code: str = "", **env: str) -> asyncio.subprocess.Process:
        """Start the agent; with code that breaks something and calls it, if given."""
        begin = ("-c", code) if code else ("-m", "builders.cli")
        words = (*begin, "--config", str(config or self.folder / "builder.toml"))
        outside = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        outside |= {"RIGLINE_BUILDER_ID": "lab1", "RIGLINE_BUILDER_TOKEN": TOKEN}
        with open(self.folder / "agent.log", "ab") as log:
            agent = await asyncio.create_subprocess_exec(
                *(sys.executable, *words, "connect", "--server", self.service.url),
                cwd=self.folder,
                env=outside | env,
                stderr=log,
                stdout=log,
            )
        self.agents.append(agent)
        return agent

    @property
    def said(self) -> str:
        file = self.folder / "agent.log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def close(self) -> None:
        for agent in self.agents:
            if agent.returncode is None:
                agent.send_signal(signal.SIGKILL)
            await agent.wait()
        for pid in self.job_processes():
            os.kill(pid, signal.SIGKILL)

    def job_processes(self) -> list[int]:
        """List the processes of jobs that still live: what is written down of them, and holds its lock."""
        found = []
        for kept in (self.folder / "state" / "jobs").glob("*/lease.json"):
            if not (lock := FileLock(kept.with_name("running"))).try_acquire():
                found.append(int(json.loads(kept.read_text())["pid"]))
            lock.release()
        return found


_home: list[str] = []  # of the lab in use: other runs of these tests may be on this machine


def processes(mark: str) -> list[str]:
    """List the command lines of living processes that hold a text; of the lab's own, where there is a lab."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                outside = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in line and (not _home or f"HOME={_home[0]}".encode() in outside):
                found.append(line)
    return found


async def gone(mark: str, limit: float = 30.0) -> None:
    """Wait until no process's command line holds a text."""
    async with asyncio.timeout(limit):
        while processes(mark):
            await asyncio.sleep(0.02)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    yield Project(tmp_path / "project")


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as service:
        yield service


@pytest.fixture
async def lab(tmp_path: Path, service: FakeService) -> AsyncIterator[Lab]:
    lab = Lab(tmp_path / "lab", service)
    _home[:] = [str(lab.folder)]
    yield lab
    _home.clear()
    await lab.close()
    sys.stdout.write(lab.said)  # shown where a test fails
