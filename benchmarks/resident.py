"""The builder's memory: its agent without a job, and with one that a real service gave it; without its scripts."""

import asyncio
import tempfile
from pathlib import Path

from benchmarks import agent, jobs, pushes
from benchmarks.accounting import memory_of, resident_of, tree
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service

SETTLE_S, BUSY_S = 5.0, 10.0  # after the hello; of a job, so that it has beaten and sent some of its log
TARGET = 57.2  # MiB, which is 60 MB
LEADER = b"leader.py"  # in the command line of the process between a job's process and its script


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Look at the agent while it waits, and while a job's script runs that goes on printing."""
    with tempfile.TemporaryDirectory(prefix="rigline-bench-agent-") as name:
        folder = Path(name)
        commits = await asyncio.to_thread(agent.make_repository, folder / "sample.git", 1)
        await service.serve_repository(f"file://{folder}/sample.git")
        (token,) = await service.create_builders(["lab"])
        with agent.connected(service, folder, token) as process:
            await jobs.until(lambda: jobs.boards(service), agent.BOARDS)
            await asyncio.sleep(SETTLE_S)
            figures = _figures("without a job", process.pid)
            (folder / "build").write_text("#!/bin/sh\nwhile :; do echo still at work; sleep 0.1; done\n")
            async with Client(service.settings.socket) as client:
                wanted = {"kind": "build", "repository": pushes.NAME, "boards": ["board-0"], "commit": commits[0]}
                await client.send("POST", "/api/v1/pipelines", wanted)
                await jobs.until(lambda: jobs.running(service), 1)
            await asyncio.sleep(2.0 if quick else BUSY_S)
            return figures + _figures("with a job", process.pid)


def _figures(when: str, root: int) -> list[Figure]:
    """Add up the agent, the process that forks its jobs', those, and the leader of a script."""
    ours = _ours(root)
    shared = sum(memory_of(pid) for pid in ours)
    return [
        Figure(what=f"builder, {when}, proportional (PSS)", value=shared, unit="MiB", target=TARGET),
        Figure(what=f"… the agent's own process, resident (RSS) {when}", value=resident_of(root), unit="MiB"),
        Figure(what=f"… all {len(ours)} processes, resident (RSS) {when}",
               value=sum(resident_of(pid) for pid in ours), unit="MiB"),
    ]  # fmt: skip


def _ours(root: int) -> list[int]:
    """List our processes: what a leader started is the lab's."""
    found = tree(root)
    leaders = [pid for pid in found if LEADER in Path(f"/proc/{pid}/cmdline").read_bytes()]
    scripts = {pid for leader in leaders for pid in tree(leader)} - set(leaders)
    return [pid for pid in found if pid not in scripts]
