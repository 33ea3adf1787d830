"""A day of a service whose processes are killed: what happens outside, and the processes that it happens to."""

import asyncio
import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import sqlalchemy as sa
from rq import Worker

from app.db.queries import builders
from app.db.tables import heard
from builders import protocol
from builders.json_values import from_json, to_json
from integrations.fake import deliveries, said
from integrations.fake.deliveries import ZERO, Delivery, Person, Pull
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
OURS, THEIRS, LASTING = 1, 2, 2  # the numbers of two pull requests that are never closed


WAITING = sa.text("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")


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
            "RIGLINE_GITLAB_WEBHOOK_SECRETS": SECRET,
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


@asynccontextmanager
async def killed_asking(world: World, victim: Process, method: str, about: str) -> AsyncIterator[None]:
    """Kill a process when a forge has done what it was asked for and did not answer yet; then begin it again.

    Args:
        about: how the address ends.
    """
    asked, is_over = asyncio.Event(), asyncio.Event()

    async def gate(asks: str, path: str) -> None:
        if asks == method and path.endswith(about) and not asked.is_set():
            asked.set()
            await is_over.wait()
            raise ConnectionError

    world.forges.gate = gate
    try:
        yield
        async with asyncio.timeout(LIMIT):
            await asked.wait()
        victim.kill()
    finally:
        is_over.set()
        world.forges.gate = None
    victim.start()


@asynccontextmanager
async def killed_between_deed_and_note(world: World, victim: Process, about: str) -> AsyncIterator[None]:
    """Kill a worker that has carried a command out and did not note that yet: the note waits for a row we hold.

    Args:
        about: how the address ends that it asks for just before the deed, with the comment taken in.
    """
    asked, is_held = asyncio.Event(), asyncio.Event()
    taken_in = sa.select(heard.c.id).where(heard.c.done_at.is_(None))

    async def gate(_method: str, path: str) -> None:
        if path.endswith(about) and not asked.is_set():
            async with world.deps.begin() as db:
                is_taken_in = await db.scalar(taken_in) is not None
            if is_taken_in:
                asked.set()
                await is_held.wait()

    world.forges.gate = gate
    yield
    async with asyncio.timeout(LIMIT):
        await asked.wait()
        async with world.deps.begin() as db:
            await db.execute(taken_in.with_for_update())
            is_held.set()
            while not await db.scalar(WAITING):
                await asyncio.sleep(LOOK_S)
            victim.kill()
    world.forges.gate = None
    victim.start()


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
class Side:
    """One forge, its repository, and the pull requests there."""

    forge: str
    home: FakeRepository
    fork: FakeRepository
    pulls: dict[int, Pull] = dataclasses.field(default_factory=dict)
    branches: dict[str, list[str]] = dataclasses.field(default_factory=dict)  # each with its history

    def pushed(self, ref: str, before: str, commit: str, *, by: Person, forced: bool) -> Delivery:
        if self.forge == "gitlab":  # which does not say that a push was forced
            return deliveries.gitlab_push(self.home, commit, SECRET, ref=ref, before=before, sender=by)
        return deliveries.github_push(self.home, commit, SECRET, ref=ref, before=before, sender=by, forced=forced)

    def changed(self, pull: Pull, action: str, before: str | None = None) -> Delivery:
        if self.forge == "github":
            return deliveries.github_pull_request(self.home, action, pull, SECRET, before=before)
        words = {"opened": "open", "closed": "close", "reopened": "reopen", "synchronize": "update"}
        return deliveries.gitlab_merge_request(self.home, words[action], pull, SECRET, oldrev=before)

    def commented(self, pull: Pull, text: str, by: Person, number: int) -> Delivery:
        if self.forge == "github":
            return said.github_comment(self.home, pull, text, SECRET, author=by, comment=number)
        return said.gitlab_note(self.home, pull, text, SECRET, author=by, note=number)

    @property
    def open(self) -> list[Pull]:
        return [each for number, each in self.pulls.items() if number not in self.home.closed]


Step = Callable[[Side], Awaitable[None]]


@dataclasses.dataclass
class Day:
    """People, both forges and a builder: everything that happens to the service, by chance but by a seed."""

    world: World
    web: Process
    chance: random.Random
    http: httpx2.AsyncClient
    sides: list[Side]
    lab: FakeBuilder | None = None
    commits: int = 0
    moments: int = 0  # by the forges' clocks
    comments: int = 0
    runs: int = 0  # comments that asked for a run
    approvals: set[str] = dataclasses.field(default_factory=set)

    async def begin(self) -> None:
        """Register a builder with two boards, and open a pull request of each kind on each forge."""
        async with self.world.deps.begin() as db:
            builder_id, secret = await builders.create(db, "lab")
        token = f"rlb_{builder_id}.{secret}"
        self.lab = FakeBuilder("lab", builder_id, token, self.http, ["nucleo", "pi4"], "instance-lab")
        offers = [offer("nucleo"), offer("pi4")]
        apart = protocol.Level.NAMESPACES
        said = protocol.Hello(instance="instance-lab", version="1", isolation=apart, boards=offers)
        hello = to_json(said)
        await self.call("PUT", "/api/v1/builders/me", json=hello)
        for side in self.sides:
            for fork in (False, True):  # these two are never closed: see OURS and THEIRS
                await self.open(side, fork=fork)

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

    def sha(self, side: Side, *parents: str) -> str:
        """Make a commit."""
        self.commits += 1
        return side.home.grow(f"{self.commits:040x}", *parents)

    def now(self) -> str:
        """Give the time by the forges' clocks, a second later than the last one."""
        self.moments += 1
        day, hour, minute = self.moments // 86400, self.moments // 3600 % 24, self.moments // 60 % 60
        return f"2026-02-{1 + day:02}T{hour:02}:{minute:02}:{self.moments % 60:02}Z"

    async def push(self, side: Side) -> None:
        """Push a branch, sometimes by force: then its last commit is gone."""
        by, ref = self.world.person("maintainer"), f"refs/heads/b{self.chance.randint(0, 3)}"
        history = side.branches.setdefault(ref, [])
        before = history[-1] if history else ZERO
        forced = len(history) > 1 and self.chance.random() < 0.4
        if forced:
            history.pop()
        history.append(self.sha(side, *history[-1:]))
        await self.deliver(side.pushed(ref, before, history[-1], by=by, forced=forced))

    async def open(self, side: Side, *, fork: bool | None = None) -> None:
        fork = self.chance.random() < 0.5 if fork is None else fork
        author = self.world.person(OUTSIDER if fork else "maintainer")
        number = len(side.pulls) + 1
        made = Pull(
            number=number,
            head=self.sha(side),
            branch=f"t{number}",
            author=author,
            fork=side.fork if fork else None,
            updated_at=self.now(),
        )
        await self.show(side, made, "opened")

    async def move(self, side: Side) -> None:
        before = self.chance.choice(side.open)
        now = dataclasses.replace(before, head=self.sha(side), updated_at=self.now())
        await self.show(side, now, "synchronize", before.head)

    async def close(self, side: Side) -> None:
        """Close a pull request, or reopen one."""
        about = [each for each in side.pulls.values() if each.number > LASTING]
        if about:
            pull = dataclasses.replace(self.chance.choice(about), updated_at=self.now())
            is_closed = pull.number in side.home.closed
            (side.home.closed.discard if is_closed else side.home.closed.add)(pull.number)
            await self.show(side, pull, "reopened" if is_closed else "closed")

    async def show(self, side: Side, pull: Pull, action: str, before: str | None = None) -> None:
        side.pulls[pull.number] = side.home.pulls[pull.number] = pull
        await self.deliver(side.changed(pull, action, before))

    async def comment(self, side: Side, text: str, pull: Pull) -> None:
        self.comments += 1
        name = f"m{self.comments // 10}"  # many people: each may command only so much in an hour
        self.world.forges.grant(side.home.id, name, Permission.WRITE)
        await self.deliver(side.commented(pull, text, self.world.person(name), self.comments))

    async def run(self, side: Side) -> None:
        self.runs += 1
        await self.comment(side, "/rig run", side.pulls[OURS])

    async def compare(self, side: Side) -> None:
        """Ask for two runs: of the head, and of a commit that nobody pushed here."""
        self.runs += 2
        self.commits += 1
        await self.comment(side, "/rig compare base=branch:main", side.pulls[OURS])

    async def approve(self, side: Side) -> None:
        pull = side.pulls[THEIRS]
        self.approvals.add(pull.head)
        await self.comment(side, f"/rig approve {pull.head}", pull)

    async def command(self, side: Side) -> None:
        """Cancel, retry, or say something wrong."""
        words = self.chance.choice(["cancel all", "retry", "retry all", "nonsense", "status"])
        await self.comment(side, f"/rig {words}", self.chance.choice(side.open))

    async def work(self, _side: Side | None = None) -> bool:
        """Let the builder do a job, if there is one: claimed once and told once, however often it has to ask."""
        asked = {"claim_id": str(uuid4()), "instance": "instance-lab", "boards_free": ["nucleo", "pi4"], "wait_s": 0}
        claimed = await self.call("POST", "/api/v1/builders/me/claim", json=asked)
        if claimed.status_code != 200:
            return False
        lease = from_json(protocol.Lease, claimed.json())
        mine = f"/api/v1/attempts/{lease.attempt_id}"
        await self.call("POST", f"{mine}/beat", json={"epoch": lease.epoch})
        done = {"epoch": lease.epoch, "outcome": self.chance.choice(["passed", "passed", "failed"]), "log_size": 0}
        await self.call("PUT", f"{mine}/result", json=done | {"log_sha256": EMPTY})
        return True

    async def something(self) -> None:
        """Let one thing happen."""
        steps: list[Step] = [
            self.push,
            self.push,
            self.open,
            self.move,
            self.close,
            self.run,
            self.approve,
            self.command,
        ]
        steps += [self.work] * 7  # type: ignore[list-item]
        await self.chance.choice(steps)(self.chance.choice(self.sides))

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
