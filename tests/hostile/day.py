"""A day of a service whose processes are killed: what happens outside, and the processes that it happens to."""

import asyncio
import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import sqlalchemy as sa
from rq import Worker

from app.db.queries import builders
from builders import protocol
from integrations.fake import deliveries, said
from integrations.fake.deliveries import Delivery, Pull
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.dispatch.world import FakeBuilder, offer
from tests.specs.world import OUTSIDER, SECRET, TOKEN, World

ROOT = Path(__file__).parents[2]
LIMIT = 60.0  # seconds for anything that has to happen
END_S = 180.0  # seconds for all that is left of a day
LOOK_S = 0.05
LATER = (  # the time passes after which a dead process' claims end and what it had in hand is due again
    "UPDATE status SET claimed_until = now(), next_at = now(), sent_at = now() - interval '1 hour'",
    "UPDATE conversation SET claimed_until = now(), next_at = now()",
    "UPDATE heard SET next_at = now() WHERE answered_at IS NULL",
    "UPDATE delivery SET received_at = now() - interval '1 day' WHERE handled_at IS NULL",
    "UPDATE job SET queued_at = queued_at - interval '5 s' WHERE state = 'queued'",
)
Step = Callable[[], Awaitable[None]]


class Process:
    """`rigline web` or `rigline worker`, which is killed and begun again."""

    def __init__(self, world: World, command: str, folder: Path) -> None:
        self._world, self._command, self._folder = world, command, folder
        self.births = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Name what this life of it writes."""
        return self._folder / f"{self._command}-{self.births}.log"

    def start(self) -> None:
        self.births += 1
        settings = self._world.deps.settings
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": settings.database_url.replace("+asyncpg", ""),
            "REDIS_URL": settings.redis_url,
            "RIGLINE_DATA_DIR": str(settings.data_dir),
            "PORT": "0",
            "RIGLINE_BIND": "127.0.0.1",
            "RIGLINE_PUBLIC_URL": settings.public_url,
            "RIGLINE_SECRET_KEY": "only for tests",
            "RIGLINE_GITHUB_API_URL": settings.github_api_url,
            "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
            "RIGLINE_GITHUB_TOKEN": TOKEN,
            "RIGLINE_GITLAB_URL": settings.gitlab_url,
            "RIGLINE_GITLAB_TOKEN": TOKEN,
        }
        words = [sys.executable, "-m", "app.cli", self._command]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def kill(self) -> None:
        """Kill it with −9, if it lives."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(LIMIT)

    def address(self) -> str | None:
        """Give where this life of it listens, once it does."""
        said = self.log.read_text(errors="replace")
        return said.partition("listens on ")[2].split(maxsplit=1)[0] if "listens on " in said else None

    async def works(self) -> None:
        """Wait until it listens, or waits for tasks."""
        async with asyncio.timeout(LIMIT):
            while self.process is None or not (self.address() or self._is_known()):
                await asyncio.sleep(LOOK_S)

    def _is_known(self) -> bool:
        known = Worker.all(connection=self._world.deps.redis_sync)
        return self.process is not None and self.process.pid in {each.pid for each in known}


@contextmanager
def processes(world: World, folder: Path) -> Iterator[dict[str, Process]]:
    """Run a web process and a worker."""
    made = {command: Process(world, command, folder) for command in ("web", "worker")}
    try:
        for each in made.values():
            each.start()
        yield made
    finally:
        for each in made.values():
            each.kill()


@dataclasses.dataclass
class Day:
    """People, a forge and a builder: everything that happens to the service, by chance but by a seed."""

    world: World
    web: Process
    chance: random.Random
    http: httpx2.AsyncClient
    fork: FakeRepository
    lab: FakeBuilder | None = None
    pulls: dict[int, Pull] = dataclasses.field(default_factory=dict)
    commits: int = 0
    comments: int = 0
    runs: int = 0  # comments that asked for a run
    approvals: set[str] = dataclasses.field(default_factory=set)

    async def begin(self) -> None:
        """Register a builder with two boards, and open a pull request of each kind."""
        async with self.world.deps.begin() as db:
            builder_id, secret = await builders.create(db, "lab")
        token = f"rlb_{builder_id}.{secret}"
        self.lab = FakeBuilder("lab", builder_id, token, self.http, ["nucleo", "pi4"], "instance-lab")
        offers = [offer("nucleo"), offer("pi4")]
        said = protocol.to_json(protocol.Hello(instance="instance-lab", version="1", boards=offers))
        await self.call("PUT", "/api/v1/builders/me", json=said)
        await self.open(fork=False)
        await self.open(fork=True)

    async def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Ask until somebody answers: forges deliver again, builders ask again."""
        headers = (
            {"Authorization": f"Bearer {self.lab.token}", "Rigline-Protocol": str(protocol.PROTOCOL)}
            if self.lab
            else {}
        )
        headers |= more.pop("headers", {})
        async with asyncio.timeout(LIMIT):
            while True:
                address = self.web.address()
                if address is not None:
                    with contextlib.suppress(httpx2.TransportError):
                        answer = await self.http.request(method, address + path, headers=headers, **more)
                        if answer.status_code < 500:
                            return answer
                await asyncio.sleep(LOOK_S)

    async def deliver(self, made: Delivery) -> None:
        answer = await self.call("POST", made.path, content=made.body, headers=made.headers)
        assert answer.status_code in (200, 202), answer.text

    def sha(self) -> str:
        """Make a commit."""
        self.commits += 1
        return self.world.repository.grow(f"{self.commits:040x}")

    async def push(self) -> None:
        by = self.world.person("maintainer")
        ref = f"refs/heads/b{self.chance.randint(0, 3)}"
        await self.deliver(deliveries.github_push(self.world.repository, self.sha(), SECRET, ref=ref, sender=by))

    async def open(self, *, fork: bool | None = None) -> None:
        fork = self.chance.random() < 0.5 if fork is None else fork
        author = self.world.person(OUTSIDER if fork else "maintainer")
        number = len(self.pulls) + 1
        made = Pull(
            number=number, head=self.sha(), branch=f"t{number}", author=author, fork=self.fork if fork else None
        )
        await self.show(made, "opened")

    async def move(self) -> None:
        before = self.chance.choice(list(self.pulls.values()))
        at = f"2026-02-{1 + self.commits // 3600 % 28:02}T12:{self.commits // 60 % 60:02}:{self.commits % 60:02}Z"
        now = dataclasses.replace(before, head=self.sha(), updated_at=at)
        await self.show(now, "synchronize", before=before.head)

    async def show(self, pull: Pull, action: str, **more: str) -> None:
        self.pulls[pull.number] = self.world.repository.pulls[pull.number] = pull
        await self.deliver(deliveries.github_pull_request(self.world.repository, action, pull, SECRET, **more))

    async def comment(self, text: str, pull: Pull) -> None:
        self.comments += 1
        name = f"m{self.comments // 10}"  # many people: each may command only so much in an hour
        self.world.forges.grant(self.world.repository.id, name, Permission.WRITE)
        made = said.github_comment(
            self.world.repository, pull, text, SECRET, author=self.world.person(name), comment=self.comments
        )
        await self.deliver(made)

    async def run(self) -> None:
        self.runs += 1
        await self.comment("/rig run", next(each for each in self.pulls.values() if each.fork is None))

    async def approve(self) -> None:
        pull = self.chance.choice([each for each in self.pulls.values() if each.fork is not None])
        self.approvals.add(pull.head)
        await self.comment(f"/rig approve {pull.head}", pull)

    async def command(self) -> None:
        """Cancel, retry, or say something wrong."""
        words = self.chance.choice(["cancel all", "retry", "retry all", "nonsense", "status"])
        await self.comment(f"/rig {words}", self.chance.choice(list(self.pulls.values())))

    async def work(self) -> bool:
        """Let the builder do a job, if there is one: claimed once and told once, however often it has to ask."""
        asked = {"claim_id": str(uuid4()), "instance": "instance-lab", "boards_free": ["nucleo", "pi4"], "wait_s": 0}
        claimed = await self.call("POST", "/api/v1/builders/me/claim", json=asked)
        if claimed.status_code != 200:
            return False
        lease = protocol.from_json(protocol.Lease, claimed.json())
        mine = f"/api/v1/attempts/{lease.attempt_id}"
        await self.call("POST", f"{mine}/beat", json={"epoch": lease.epoch})
        done = {"epoch": lease.epoch, "outcome": self.chance.choice(["passed", "passed", "failed"]), "log_size": 0}
        await self.call("PUT", f"{mine}/result", json=done | {"log_sha256": EMPTY})
        return True

    async def something(self) -> None:
        """Let one thing happen."""
        steps: list[Step] = [self.push, self.open, self.move, self.run, self.approve, self.command]
        steps += [self.work] * 6  # type: ignore[list-item]
        await self.chance.choice(steps)()

    async def later(self) -> None:
        """Let the time pass that the dead held things for."""
        async with self.world.deps.begin() as db:
            for each in LATER:
                await db.execute(sa.text(each))

    async def ends(self, pending: Callable[[], Awaitable[list[str]]]) -> None:
        """Go on until nothing is pending any more."""
        left = ["everything"]
        try:
            async with asyncio.timeout(END_S):
                while left:
                    while await self.work():
                        pass
                    await self.later()
                    await asyncio.sleep(LOOK_S)
                    left = await pending()
        except TimeoutError:
            raise AssertionError(f"pending for ever: {left}") from None


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of a log without a byte
