"""From a push to the first command of its build, by a real builder; what a push and its build cost; a burst."""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks import agent, jobs, pushes
from benchmarks.accounting import Usage, memory, percentile
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service

WARM_UP, BURST, IDLE_S = 4, 100, 10.0
REST = 1.0  # seconds between two pushes
CLOCK_SLACK = 0.001  # seconds; a wall clock that was set meanwhile spoils the figures


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Push one commit at a time, then many at once."""
    number, burst = (10, 20) if quick else (60, BURST)
    clock = time.time() - time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rigline-bench-agent-") as name:
        folder = Path(name)
        commits = await asyncio.to_thread(agent.make_repository, folder / "sample.git", WARM_UP + number + burst)
        await service.serve_repository(f"file://{folder}/sample.git")
        (token,) = await service.create_builders(["lab"])
        with agent.connected(service, folder, token) as process:
            await _registered(service)
            bench = Bench(service, folder, process.pid)
            await bench.one_by_one(commits[::-1][:WARM_UP])  # the newest: it brings all others into the mirror
            idle = await bench.rest()
            used, waits = await bench.one_by_one(commits[:number])
            figures = _spaced(used.beyond(idle), waits)
            figures += _burst(burst, *await bench.together(commits[number : number + burst]))
        figures.append(Figure(what="server CPU while idle", value=100 * idle.server / idle.seconds, unit="% of a core"))
        figures.append(Figure(what="statuses that the forge got", value=service.statuses.received, unit=""))
    figures.append(Figure(what="web memory", value=memory(service.roots["web"]), unit="MiB", target=150, buildbot=98))
    figures.append(Figure(what="worker memory", value=memory(service.roots["worker"]), unit="MiB"))
    if abs(time.time() - time.monotonic() - clock) > CLOCK_SLACK:
        raise RuntimeError("this machine's clock was set while we measured; run it again")
    return figures


async def _registered(service: Service) -> None:
    await jobs.until(lambda: jobs.boards(service), agent.BOARDS)


class Bench:
    """Pushes, and what comes of them."""

    def __init__(self, service: Service, folder: Path, agent_pid: int) -> None:
        self._service, self._folder, self._agent = service, folder, agent_pid

    async def rest(self) -> Usage:
        """Do nothing, and see what that costs."""
        watch = self._service.stopwatch(agent=self._agent)
        await asyncio.sleep(IDLE_S)
        return watch.read()

    async def one_by_one(self, commits: list[str]) -> tuple[Usage, list[float]]:
        """Push each commit after the last one's final status, with a rest; give the latencies in seconds."""
        watch, pushed = self._service.stopwatch(agent=self._agent), dict[str, float]()
        async with Client(self._service.port) as client:
            for commit in commits:
                pushed[commit] = await _push(client, commit)
                await self._service.statuses.final(commit)
                await asyncio.sleep(REST)
        used, began = watch.read(), agent.began(self._folder)
        return used, [began[commit] - at for commit, at in pushed.items()]

    async def together(self, commits: list[str]) -> tuple[Usage, float]:
        """Push all at once; give the seconds until the last one's script began."""
        watch, begun = self._service.stopwatch(agent=self._agent), time.time()
        await asyncio.gather(*(self._push_alone(commit) for commit in commits))
        for commit in commits:
            await self._service.statuses.final(commit)
        used, began = watch.read(), agent.began(self._folder)
        return used, max(began[commit] for commit in commits) - begun

    async def _push_alone(self, commit: str) -> None:
        async with Client(self._service.port) as client:
            await _push(client, commit)


async def _push(client: Client, commit: str) -> float:
    """Push to a branch of its own: a newer push to the same one would cancel the older."""
    body, headers = pushes.push(commit, f"b-{commit[:12]}")
    at = time.time()
    (await client.request("POST", "/webhooks/github", body, headers)).json()
    return at


def _spaced(used: Usage, waits: list[float]) -> list[Figure]:
    p50, p95 = (percentile(waits, each) * 1000 for each in (50, 95))
    return [
        Figure(what=f"push → first command, p50 of {len(waits)}", value=p50, unit="ms", target=150, buildbot=360),
        Figure(what="push → first command, p95", value=p95, unit="ms", buildbot=453),
        *_costs("push + build beyond idle, one by one", len(waits), used),
    ]


def _burst(number: int, used: Usage, seconds: float) -> list[Figure]:
    return [
        Figure(what=f"burst of {number} until all ran", value=seconds, unit="s", buildbot=45 * number / BURST),
        *_costs("push + build in the burst", number, used),
    ]


def _costs(of: str, number: int, used: Usage) -> list[Figure]:
    each = 1000 / number
    parts = ("web", "worker", "postgresql", "valkey", "agent")
    return [
        Figure(what=f"server CPU per {of}", value=used.server * each, unit="ms", target=50, buildbot=282),
        *(Figure(what=f"— {part}", value=used.of(part) * each, unit="ms") for part in parts),
    ]
