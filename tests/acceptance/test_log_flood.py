"""A job that floods its log: bounded for the service, for its builder and for everybody else."""

import asyncio
import json
import os
import time
from pathlib import Path

import httpx2

from builders.protocol import MAX_LOG
from tests.acceptance.conftest import Service, repository

MIB = 1 << 20
BUILDER = """
version = 1
[[boards]]
name = "desk"
[[boards.configurations]]
name = "flood"
build = ["sh", "-c", "echo the first line; yes 'the same line again and again' | head -c {size}; echo; echo the last"]
run = "true"
"""


def of_service(data_dir: Path) -> list[int]:
    """List the Python processes of a service: web and workers."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                is_ours = f"RIGLINE_DATA_DIR={data_dir}".encode() in (entry / "environ").read_bytes().split(b"\0")
                is_python = b"app.cli" in (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if is_ours and is_python:
                found.append(int(entry.name))
    return found


def memory(pid: int, key: str) -> int:
    """Read a size out of a process's status, in bytes: VmRSS now, VmHWM at most since `forget_peak`."""
    (line,) = (each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith(key))
    return int(line.split()[1]) << 10


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def slowest_answer(url: str, until: asyncio.Event) -> float:
    """Ask the service again and again; return the longest time it took."""
    slowest = 0.0
    async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
        while not until.is_set():
            asked = time.monotonic()
            (await http.get("/readyz")).raise_for_status()
            slowest = max(slowest, time.monotonic() - asked)
            await asyncio.sleep(0.05)
    return slowest


async def test_a_flooded_log_is_cut_in_the_middle_and_costs_little_memory(service: Service, campaign: int) -> None:
    size = (1 << 30) if campaign > 1 else MAX_LOG + 16 * MIB
    commit = repository(service.folder / "git", "acme", {"program.txt": "hello\n"})
    what = ("dispatch", "build", "--remote-url", f"{service.git_url}/acme.git", "--commit-hash", commit, "--json")
    (service.folder / "builder.toml").write_text(BUILDER.format(size=0))
    async with service.builder("small", service.folder / "builder.toml"):
        assert (await service.rigline(*what)).status == 0  # so that everything is loaded
    (service.folder / "builder.toml").write_text(BUILDER.format(size=size))
    async with service.builder("lab", service.folder / "builder.toml") as agent:
        pids = of_service(Path(service.env["RIGLINE_DATA_DIR"]))
        before = {pid: memory(pid, "VmRSS") for pid in pids}
        for pid in pids:
            forget_peak(pid)
        done = asyncio.Event()
        asking = asyncio.create_task(slowest_answer(service.url, done))
        dispatched = await service.rigline(*what, "--quiet", limit=300)
        done.set()
        slowest = await asking
        grown = {pid: memory(pid, "VmHWM") - before[pid] for pid in pids}
        builder = memory(agent.pid, "VmHWM")

    found = json.loads(dispatched.out)
    (job,) = [each for each in found["jobs"] if each["attempt"]["log_dropped"]]
    assert found["state"] == "passed"
    print(f"builder {builder / MIB:.0f} MiB, service + {max(grown.values()) / MIB:.1f} MiB, slowest {slowest:.2f} s")  # noqa: T201
    assert builder < 100 * MIB
    assert max(grown.values()) < 20 * MIB
    assert slowest < 1.0 or campaign == 1  # `make test` may run beside anything
    await is_cut_in_the_middle(service, job["id"], job["attempt"]["log_dropped"], size)


async def is_cut_in_the_middle(service: Service, job_id: int, dropped: int, size: int) -> None:
    async with httpx2.AsyncClient(base_url=service.url, timeout=60) as http:
        log = (await http.get(f"/api/v1/jobs/{job_id}/log")).content
        page = (await http.get(f"/jobs/{job_id}")).text
    mark = f"\n[rigline] {dropped} bytes are left out here: the log is over its limit\n".encode()
    assert MAX_LOG - 1000 < len(log) <= MAX_LOG
    assert abs(log.index(mark) - MAX_LOG // 2) < 1000
    assert dropped > size - MAX_LOG
    assert b"the first line" in log[:2000] and b"the last" in log[-1000:]
    assert "in the middle were dropped" in page
