"""Two web and two worker processes behind one proxy are restarted one after the other, while everything goes on."""

import asyncio
import contextlib
import json
import signal
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.settings import Settings
from integrations.fake.git_http import GitHttp
from tests.acceptance import processes
from tests.acceptance.balancing import LOOK_S, balancing
from tests.acceptance.conftest import repository, serving
from tests.acceptance.processes import BUILDER, RIGLINE
from tests.acceptance.shared import environment, free_port

DRAIN_S = 2 * LOOK_S  # the proxy has heard of it by then, even if it took all the time it gives an answer
RUN = """\
#!/bin/sh
n=0
while [ ! -e "$GATE" ]; do
  for line in 1 2 3 4 5; do n=$((n + 1)); echo "line $n of $RIGLINE_BOARD"; done
  sleep 1
done
echo "last line was $n"
"""


@dataclass(kw_only=True)
class Process:
    """A process of the service that can be replaced by a new one of the same words."""

    words: tuple[str, ...]
    env: dict[str, str]
    log: Path
    url: str | None = None
    child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.child = await asyncio.create_subprocess_exec(
                *self.words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                env=processes.clean_environment(self.env),
            )  # fmt: skip
        if self.url:
            await processes.ready(self.url, self.child, self.log)

    async def replace(self) -> None:
        """Stop it as a service manager does, and start it anew."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self.child.wait(), 30) == 0, self.log.read_text()
        await self.start()

    async def stop(self) -> None:
        if self.child is not None:
            await processes.stop(self.child)


@dataclass(kw_only=True)
class Farm:
    """The whole service behind its proxy."""

    url: str
    processes: list[Process]
    folder: Path
    env: dict[str, str]
    git_url: str

    async def get(self, path: str) -> Any:
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as http:
            answer = await http.get(path)
        answer.raise_for_status()
        return answer.json()

    async def until(self, path: str, met: Any, limit: float = 120.0) -> Any:
        async with asyncio.timeout(limit):
            while not met(found := await self.get(path)):
                await asyncio.sleep(0.1)
        return found


@pytest.fixture
async def farm(settings: Settings, tmp_path: Path) -> AsyncIterator[Farm]:
    async with AsyncExitStack() as opened:
        (tmp_path / "git").mkdir()
        git_url = await opened.enter_async_context(serving(GitHttp(tmp_path / "git")))
        env = environment(settings, git_url) | {
            "RIGLINE_ALLOWED_REMOTES": f"{git_url}/", "RIGLINE_DRAIN_S": str(DRAIN_S)
        }  # fmt: skip
        ports = [free_port(), free_port()]
        all_ = [
            Process(
                words=(*RIGLINE, "web"), log=tmp_path / f"web-{port}.log", url=f"http://127.0.0.1:{port}",
                env=env | {"PORT": str(port), "RIGLINE_DATA_DIR": str(tmp_path / f"web-{port}")},
            )
            for port in ports
        ]  # fmt: skip
        for name in ("left", "right"):
            own = env | {"RIGLINE_DATA_DIR": str(tmp_path / name)}
            all_.append(Process(words=(*RIGLINE, "worker"), log=tmp_path / f"{name}.log", env=own))
        for each in all_:
            opened.push_async_callback(each.stop)
            await each.start()
        url = await opened.enter_async_context(balancing([each.url for each in all_ if each.url]))
        client = {"RIGLINE_DATA_DIR": str(tmp_path / f"web-{ports[0]}")}
        yield Farm(url=url, processes=all_, folder=tmp_path, env=client, git_url=git_url)
        (tmp_path / "gate").touch()


@asynccontextmanager
async def builder(farm: Farm, boards: int) -> AsyncIterator[None]:
    """Run one agent with so many boards."""
    created = await processes.command(*RIGLINE, "builder", "create", "shelf", env=farm.env)
    lines = (line.removeprefix("export ") for line in created.out.splitlines() if line.startswith("export "))
    env = {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}
    file = farm.folder / "builder.toml"
    board = (
        '[[boards]]\nname = "board-{0}"\n[[boards.configurations]]\nname = "default"\n'
        f'build = ["true"]\nrun = ["sh", "run.sh"]\nenvironment = {{{{ GATE = "{farm.folder}/gate" }}}}\n'
    )
    own = farm.folder / "agent"
    file.write_text(
        f'version = 1\n[builder]\nstate_dir = "{own}/state"\nwork_dir = "{own}/work"\n'
        '[builder.sandbox]\nuse = "untrusted"\n' + "".join(map(board.format, range(boards)))
    )
    words, log = (*BUILDER, "--config", str(file), "connect", "--server", farm.url), farm.folder / "agent.log"
    async with processes.running(*words, env=env, log=log) as child:
        await processes.said(log, "connected", child)
        yield


@dataclass(kw_only=True)
class Watcher:
    """A page that is open: it comes back with the last event it had whenever its line ends."""

    path: str
    heard: list[tuple[str, Any]] = field(default_factory=list)
    last: str = ""  # id
    lines_opened: int = 0
    refused: list[int] = field(default_factory=list)

    async def watch(self, farm: Farm) -> None:
        async with httpx2.AsyncClient(base_url=farm.url, timeout=60) as http:
            while not self.is_over:
                with contextlib.suppress(httpx2.TransportError):
                    await self._listen(http)
                await asyncio.sleep(0.05)  # as `retry:` asks for, in short

    async def _listen(self, http: httpx2.AsyncClient) -> None:
        """Hear one line to its end, or to the last event."""
        async with http.stream("GET", self.path, headers={"Last-Event-ID": self.last} if self.last else {}) as answer:
            self.lines_opened += 1
            if answer.status_code != 200:
                self.refused.append(answer.status_code)
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    event[name] = value
                    continue
                self.last = event.get("id", self.last)
                if "event" in event:
                    data = event["data"]
                    self.heard.append((event["event"], json.loads(data) if data.startswith("{") else data))
                if self.is_over:
                    return
                event = {}

    @property
    def is_over(self) -> bool:
        """Say whether the end was heard: of the job by a reader of its log, of the pipeline by its page."""
        return (bool(self.heard) and self.heard[-1][0] == "end") or any(name == "over" for name, _ in self.heard)

    @property
    def log(self) -> str:
        return "".join(data["text"] for name, data in self.heard if name == "log")


def opened(pages: int, pipeline_id: int, jobs: list[int]) -> list[Watcher]:
    """Give so many pages: a half reads logs, the other half looks at the pipeline."""
    paths = [f"/api/v1/jobs/{job}/log/stream" for job in jobs[: pages // 2]]
    paths += [f"/events?topics=job%20pipeline&pipeline={pipeline_id}"] * (pages - pages // 2)
    return [Watcher(path=path) for path in paths]


async def visit(farm: Farm, answers: Counter[str], done: asyncio.Event) -> None:
    """Read pages over connections that are kept open, as browsers and commands do, and count what came of it."""
    async with httpx2.AsyncClient(base_url=farm.url, timeout=30) as http:
        while not done.is_set():
            for path in ("/pipelines", "/api/v1/jobs?limit=5"):
                try:
                    answers[str((await http.get(path)).status_code)] += 1
                except httpx2.TransportError as problem:
                    answers[f"{type(problem).__name__}: {problem}"] += 1
            await asyncio.sleep(0.02)


async def drop_in(farm: Farm, answers: Counter[str], done: asyncio.Event) -> None:
    """Ask once over each connection, one right after the other: whoever is sent to a process that ends is counted."""
    context = ssl.create_default_context()  # reading all authorities for each would take the machine from the service
    while not done.is_set():
        async with httpx2.AsyncClient(base_url=farm.url, timeout=30, verify=context) as http:
            try:
                answers[str((await http.get("/healthz")).status_code)] += 1
            except httpx2.TransportError as problem:
                answers[f"{type(problem).__name__}: {problem}"] += 1


async def test_processes_are_replaced_one_by_one_and_nothing_is_lost_doubled_or_refused(
    farm: Farm, campaign: int
) -> None:
    """`make test-all`: 50 jobs and 20 pages; else 2 and 2."""
    boards, pages = (50, 20) if campaign > 1 else (2, 2)
    commit = repository(farm.folder / "git", "acme/boot", {"run.sh": RUN})
    answers, done = Counter[str](), asyncio.Event()
    async with builder(farm, boards), asyncio.TaskGroup() as group:
        asked = ("--remote-url", f"{farm.git_url}/acme/boot.git", "--commit-hash", commit, "--seconds", "900")
        started = await processes.command(*RIGLINE, "dispatch", "run", *asked, "--no-wait", env=farm.env)
        assert started.status == 0, started.err
        pipeline_id = int(started.out.split()[-1])
        address = f"/api/v1/pipelines/{pipeline_id}"
        pipeline = await farm.until(address, lambda it: all(job["state"] == "running" for job in it["jobs"]))
        jobs = [job["id"] for job in pipeline["jobs"]]
        watchers = opened(pages, pipeline_id, jobs)
        for each in watchers:
            group.create_task(each.watch(farm))
        group.create_task(visit(farm, answers, done))
        for _ in range(4):
            group.create_task(drop_in(farm, answers, done))
        for each in farm.processes:
            await each.replace()
        during = await farm.get(address)
        (farm.folder / "gate").touch()
        ended = await farm.until(address, lambda it: it["ended_at"] is not None)
        attempts = [len((await farm.get(f"/api/v1/jobs/{job}/attempts"))["items"]) for job in jobs]
        done.set()

    assert len(jobs) == boards
    assert {job["state"] for job in during["jobs"]} == {"running"}
    assert {job["state"] for job in ended["jobs"]} == {"passed"}
    assert attempts == [1] * boards
    assert set(answers) == {"200"} and answers["200"] > 20, answers
    for each in watchers:
        assert (each.refused, each.lines_opened >= 2) == ([], True), each.path
    for each in watchers[: pages // 2]:
        numbers = [int(line.split()[1]) for line in each.log.splitlines() if line.startswith("line ")]
        assert numbers == list(range(1, len(numbers) + 1)) and f"last line was {len(numbers)}" in each.log
    assert all(name in ("changed", "reset", "over") for each in watchers[pages // 2 :] for name, _ in each.heard)
