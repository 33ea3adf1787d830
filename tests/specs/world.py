"""The service as a forge meets it: signed deliveries go in over HTTP, statuses come out over HTTP."""

import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import sqlalchemy as sa
from pydantic import SecretStr
from rq import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.worker import SimpleWorker

from app import deps as deps_module
from app import journal
from app.db import tables
from app.db.queries import boards, builders, jobs, pipeline_lists, pipelines, repositories
from app.db.queries.pipelines import PipelineView
from app.db.tables import builder, conversation, delivery, job, status
from app.deps import Deps
from app.main import create_app
from app.reporting import comments, statuses
from app.settings import Settings
from app.states import JobState
from app.task_queue import QUEUE
from app.tasks import runtime
from app.tasks.catalogue import TASKS
from builders.protocol import BoardOffer, ConfigurationOffer, Level
from integrations.fake.deliveries import Delivery, Person
from integrations.fake.server import GITHUB, GITLAB, FakeServer
from integrations.fake.world import FakeRepository, PostedStatus
from integrations.fake.world import World as Forges
from integrations.forge import Permission
from tests.specs.serving import serving

SECRET, OLD_SECRET, TOKEN = "hook-secret-for-tests", "older-secret", "token-for-tests-0123456789"
MAINTAINER, OUTSIDER = "maintainer", "outsider"


class BurstWorker(SimpleWorker):
    """RQ's own worker in a thread of the test: takes what is queued, then returns."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        """Leave signals alone: only the main thread may set them."""

    def subscribe(self) -> None:
        """Listen for no commands: ending that thread would take a second."""

    def unsubscribe(self) -> None:
        """Nothing to end."""


class InTestLoop:
    """Runs tasks on the test's event loop, as the worker's runtime does on its own."""

    def __init__(self, deps: Deps) -> None:
        self._deps, self._loop = deps, asyncio.get_running_loop()

    def run(self, name: str, row_id: int) -> None:
        asyncio.run_coroutine_threadsafe(TASKS[name](row_id, self._deps), self._loop).result()


@dataclasses.dataclass
class World:
    """One service, a GitHub and a GitLab with one repository each, a maintainer and an outsider."""

    deps: Deps
    address: str
    forges: Forges
    stack: AsyncExitStack
    http: httpx2.AsyncClient
    repository: FakeRepository
    project: FakeRepository
    tables: Any = tables
    fork: FakeRepository | None = None

    @classmethod
    async def build(cls, settings: Settings, stack: AsyncExitStack) -> "World":
        journal.configure()
        forges = Forges()
        address = await stack.enter_async_context(serving(FakeServer(forges, token=TOKEN)))
        repository = forges.add(FakeRepository(4242, "acme/firmware"))
        project = forges.add(FakeRepository(77, "acme/sub/group/firmware"))
        for each in (repository, project):
            forges.grant(each.id, MAINTAINER, Permission.WRITE)
        settings = settings.model_copy(update=forge_settings(address))
        deps = await deps_module.build(settings)
        stack.push_async_callback(deps.close)
        web = await stack.enter_async_context(serving(create_app(deps)))
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=web, trust_env=False, timeout=30))
        world = cls(deps, web, forges, stack, http, repository, project)
        await world.register()
        return world

    async def register(self) -> None:
        """Serve both repositories, as `repo add` does."""
        for forge, repository in (("github", self.repository), ("gitlab", self.project)):
            await self.serve(repository, forge)
        self.forges.calls.clear()

    async def serve(self, repository: FakeRepository, forge: str = "github") -> None:
        """Host a repository, and serve it."""
        self.forges.add(repository)
        facts = await self.deps.forges[forge].repository(repository.full_name)
        async with self.deps.begin() as db:
            await repositories.add(db, forge, facts)

    def person(self, name: str) -> Person:
        return Person(id=self.forges.account(name), name=name)

    async def offer(self, *names: str, configurations: Sequence[str] = ("fast",), compares: bool = False) -> None:
        """Register a builder with boards.

        Args:
            compares: its agent can run two commits by turns, as any of this release.
        """
        async with self.deps.begin() as db:
            builder_id, _ = await builders.create(db, f"lab-{'-'.join(names)}")
            await db.execute(
                sa.update(builder).where(builder.c.id == builder_id).values(isolation=Level.NAMESPACES.value)
            )
            await boards.register(
                db,
                builder_id,
                [
                    BoardOffer(
                        name=name,
                        type=name,
                        configurations=[ConfigurationOffer(name=each, compares=compares) for each in configurations],
                    )
                    for name in names
                ],
            )

    async def deliver(self, delivery: Delivery, **headers: str) -> httpx2.Response:
        """Send a delivery; headers replace or, with an empty value, remove."""
        wanted = {**delivery.headers, **headers}
        sent = {name: value.encode("latin-1") for name, value in wanted.items() if value}
        return await self.http.post(delivery.path, content=delivery.body, headers=sent)

    async def settle(self) -> None:
        """Let tasks and statuses run until there is nothing left to do."""
        await self.work()
        await self.send()

    async def send(self) -> int:
        """Send statuses and comments, after the time has passed that a mere change of words waits."""
        async with self.deps.begin() as db:
            await db.execute(sa.update(status).where(status.c.tries == 0).values(next_at=sa.func.now()))
        sent = await statuses.send_due(self.deps)
        async with self.deps.begin() as db:
            await db.execute(sa.update(conversation).where(conversation.c.tries == 0).values(next_at=sa.func.now()))
        await comments.send_due(self.deps)
        return sent

    def comments(self, number: int, repository: FakeRepository | None = None) -> list[str]:
        """Give the texts of the comments on a pull request."""
        found = (repository or self.repository).comments.values()
        return [each.text for each in found if each.number == number]

    async def work(self) -> None:
        """Let an RQ worker take everything that is queued."""
        runtime.install(InTestLoop(self.deps))  # type: ignore[arg-type]
        await asyncio.to_thread(_burst, self.deps)

    async def receive(self, delivery: Delivery) -> None:
        """Deliver, expect it to be taken, and let all follow that follows."""
        answer = await self.deliver(delivery)
        assert answer.status_code == 202, answer.text
        await self.settle()

    async def pipelines(self, **filters: Any) -> list[PipelineView]:
        """List pipelines, the oldest first."""
        async with self.deps.begin() as db:
            return (await pipeline_lists.list_(db, **filters))[::-1]

    async def job_states(self, commit: str) -> list[tuple[str, str]]:
        """List state and reason of each job of a commit's pipelines."""
        async with self.deps.begin() as db:
            found = await pipeline_lists.list_(db, commit=commit)
            rows = await db.execute(
                sa.select(job.c.state, job.c.reason)
                .where(job.c.pipeline_id.in_([each.id for each in found]))
                .order_by(job.c.id)
            )
            return [(row.state, row.reason) for row in rows]

    async def move_all(self, commit: str, *states: JobState, reason: str | None = None) -> None:
        """Move every job of a commit's pipelines through states, as builders do."""
        async with self.deps.begin() as db:
            for view in await pipeline_lists.list_(db, commit=commit):
                for job_id in await pipelines.jobs_in(db, view.id, list(JobState)):
                    for state in states:
                        held = {"epoch": 1} if state in (JobState.LEASED, JobState.RUNNING) else {}
                        assert await jobs.move(db, job_id, state, reason=reason, **held) is not None

    async def verdicts(self) -> list[str | None]:
        async with self.deps.begin() as db:
            return list(await db.scalars(sa.select(delivery.c.verdict).order_by(delivery.c.id)))

    async def rows(self, table: sa.Table) -> list[Any]:
        async with self.deps.begin() as db:
            return list(await db.execute(sa.select(table).order_by(table.c.id)))

    async def outbox(self) -> list[Any]:
        return await self.rows(status)

    def shown(self, commit: str, context: str = "rigline/run") -> PostedStatus:
        """Give what the forge shows on a commit."""
        return self.forges.latest(commit)[context]

    def posted(self, commit: str) -> list[str]:
        return [each.state for each in self.forges.statuses if each.commit == commit]


def forge_settings(address: str) -> dict[str, Any]:
    """Give the settings of a service that speaks with the fake forges."""
    return {
        "public_url": "https://rigline.example",
        "github_api_url": f"{address}{GITHUB}",
        "github_webhook_secrets": (SecretStr(OLD_SECRET), SecretStr(SECRET)),
        "github_token": SecretStr(TOKEN),
        "gitlab_url": f"{address}{GITLAB.removesuffix('/api/v4')}",
        "gitlab_webhook_secrets": (SecretStr(SECRET),),
        "gitlab_token": SecretStr(TOKEN),
    }


def _burst(deps: Deps) -> None:
    queue = Queue(QUEUE, connection=deps.redis_sync, serializer=JSONSerializer)
    BurstWorker([queue], connection=deps.redis_sync, serializer=JSONSerializer).work(
        burst=True, logging_level="WARNING"
    )
