"""A seeded driver that lets everything happen in any order, and looks after each step at what must always be so.

Steps go in by the front door where there is one: builders speak HTTP. Time passes by moving the rows' times back.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import MappingProxyType

import httpx2
import sqlalchemy as sa

from app.db.models import Health, Priority, Trigger
from app.db.queries import jobs, pipelines
from app.db.tables import attempt, board, job, pipeline, repository, status
from app.dispatch import plan, queue
from app.dispatch.cancel import cancel_jobs
from app.errors import ApiError
from app.reporting import statuses, wording
from app.states import ENDED, HELD, JobState, sources
from builders.protocol import ConfigurationOffer, Lease
from integrations.fake.forge import FakeForge
from integrations.fake.world import FakeRepository
from integrations.fake.world import World as Forges
from tests.dispatch.world import FakeBuilder, World, offer, web

ENDS = ("passed", "passed", "failed", "errored:infra:agent", "errored:infra:board", "errored:config", "timed_out")
# A board or job with two open attempts, or a job whose state and attempts do not say the same.
WRONG = sa.text("""
    SELECT 'board ' || board_id || ' twice' FROM attempt WHERE ended_at IS NULL GROUP BY board_id HAVING count(*) > 1
    UNION ALL SELECT 'job ' || job_id || ' twice'
      FROM attempt WHERE ended_at IS NULL GROUP BY job_id HAVING count(*) > 1
    UNION ALL SELECT 'job ' || j.id || ' is ' || j.state || ', attempt ' || coalesce(a.epoch::text, 'none')
      FROM job j LEFT JOIN attempt a ON a.job_id = j.id AND a.ended_at IS NULL
     WHERE (j.state IN ('leased', 'running')) <> (a.id IS NOT NULL) OR a.epoch <> j.epoch
        OR (j.state = 'running' AND a.accepted_at IS NULL)
    UNION ALL SELECT 'attempt ' || id || ' without its boards' FROM attempt
     WHERE NOT EXISTS (SELECT FROM attempt_board b
                        WHERE b.attempt_id = id AND b.board_id = attempt.board_id AND b.is_open = (ended_at IS NULL))
    UNION ALL SELECT 'job ' || j.id || ' runs untrusted' FROM job j JOIN pipeline p ON p.id = j.pipeline_id
     WHERE p.trust IS NULL AND j.state IN ('leased', 'running')
""")


class Driver:
    """One run: what the builders believe, and what has been seen of the rows."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.labs: list[FakeBuilder] = []
        self.leases: list[tuple[FakeBuilder, Lease]] = []  # also such as are stale by now
        self.ended: dict[int, str] = {}
        self.known: set[int] = set()
        self.trail: list[str] = []
        self.forges = Forges()
        self._commits = (f"{number:040x}" for number in itertools.count(1))
        self._web = AsyncExitStack()
        self._steps: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (14, self.open), (4, self.approve), (30, self.claim), (24, self.beat), (10, self.log), (26, self.finish),
            (6, self.cancel), (5, self.retry), (8, self.time_passes), (10, self.sweep), (6, self.report),
            (6, self.two_at_once), (4, self.repair_boards), (1, self.flush_redis),
            (5, self.come_too_late), (2, self.withdraw),
        ]  # fmt: skip

    async def prepare(self) -> None:
        """Set up three builders with four boards, and a repository on a forge."""
        offers = [
            [offer("a1", "fast", "slow", type="a")],
            [offer("a2", "fast", "slow", type="a"), offer("b1", type="b")],
        ]
        offers.append([offer("b2", type="b")])
        offers[1][0].configurations.append(ConfigurationOffer(name="link", further=["b1"]))
        self.labs = [await self.world.builder(f"lab{number}", *each) for number, each in enumerate(offers)]
        self._be_patient()
        self.forges.add(FakeRepository(4242, "acme/firmware"))
        forge = FakeForge(self.forges, webhook_secrets=["secret"])
        object.__setattr__(self.world.deps, "forges", MappingProxyType({"github": forge}))
        values = {"forge": "github", "forge_id": 4242, "full_name": "acme/firmware", "private": False}
        values |= {"clone_url": "https://forge.example/acme/firmware.git", "default_branch": "main"}
        async with self.world.deps.begin() as db:
            new = sa.insert(repository).values(values).returning(repository.c.id)
            self.repository = (await db.execute(new)).scalar_one()

    async def run(self, steps: int) -> None:
        """Do so many steps, then let all end, and compare the forge with the rows."""
        await self.prepare()
        weights = [weight for weight, _ in self._steps]
        try:
            for number in range(steps):
                [(_, step)] = self.random.choices(self._steps, weights)
                if number % 400 == 399:
                    step = self.restart_web
                self.trail.append(step.__name__)
                await step()
                await self.check()
            await self.drain()
            await self.compare()
        except BaseException as problem:
            problem.add_note(f"after {len(self.trail)} steps, the last: {', '.join(self.trail[-12:])}")
            raise
        finally:
            await self._web.aclose()

    async def check(self) -> None:
        """Look at what must always be so."""
        async with self.world.deps.autocommit() as db:
            wrong = list(await db.scalars(WRONG))
            found = {row.id: row.state for row in await db.execute(sa.select(job.c.id, job.c.state))}
        assert wrong == []
        assert self.known <= found.keys(), "a job is lost"
        assert {each: found[each] for each in self.ended} == self.ended, "a terminal state changed"
        self.known, self.ended = set(found), {each: state for each, state in found.items() if state in ENDED}

    async def open(self) -> None:
        """Ask for one to three targets of a new commit, trusted or not."""
        await plan.open_pipeline(
            self.world.deps,
            plan.PipelineRequest(
                repository_id=self.repository,
                commit=next(self._commits),
                trigger=Trigger.PULL_REQUEST,
                pull_request=self.random.randint(1, 3),
                from_fork=self.random.random() < 0.5,
                requested_by=self.random.choice(("ada", "bob")),
                boards=[self.random.choice("ab")],
                trust="trusted" if self.random.random() < 0.7 else None,
                priority=self.random.choice(list(Priority)),
                reports=True,
            ),
        )

    async def approve(self) -> None:
        """Trust a commit that nobody trusted."""
        async with self.world.deps.begin() as db:
            some = await db.scalar(sa.select(pipeline.c.id).where(pipeline.c.trust.is_(None)).limit(1))
            if some is None:
                return
            await pipelines.change(db, some, trust="approved")
            moved = await plan.release(db, some, reason="approved")
        await queue.offer(self.world.deps, moved)

    async def claim(self) -> None:
        """Let a builder ask, for all its boards or some."""
        lab = self.random.choice(self.labs)
        names = self.random.sample(lab.boards, self.random.randint(1, len(lab.boards)))
        lease = await lab.claim(boards_free=names)
        if lease is not None:
            self.leases.append((lab, lease))

    def _some_lease(self) -> tuple[FakeBuilder, Lease] | None:
        """Pick a lease, more likely a new one; an old one may be stale."""
        return self.random.choice(self.leases[-8:]) if self.leases else None

    async def beat(self) -> None:
        """Accept or extend a lease, or be told that it is stale."""
        if some := self._some_lease():
            assert (await some[0].beat(some[1])).status_code in (200, 409)

    async def log(self) -> None:
        """Append to a log, or be told that the lease is stale."""
        if some := self._some_lease():
            assert (await some[0].log(some[1], 0, b"x")).status_code in (200, 409)

    async def finish(self) -> None:
        """End an attempt, perhaps for the second time in other words."""
        if some := self._some_lease():
            outcome, _, reason = self.random.choice(ENDS).partition(":")
            assert (await some[0].finish(some[1], outcome, reason=reason)).status_code in (200, 409, 412)

    async def _some_job(self, *which: sa.ColumnElement[bool]) -> int | None:
        async with self.world.deps.autocommit() as db:
            found = list(await db.scalars(sa.select(job.c.id).where(*which).order_by(job.c.id)))
        return self.random.choice(found) if found else None

    async def cancel(self) -> None:
        """Cancel an open job."""
        if some := await self._some_job(job.c.ended_at.is_(None)):
            await cancel_jobs(self.world.deps, [some], "somebody", "not needed")

    async def retry(self) -> None:
        """Try an ended job again, as a person does."""
        some = await self._some_job(job.c.ended_at.is_not(None), sa.not_(job.c.replaced))
        if some is not None:
            async with self.world.deps.begin() as db:
                new = await jobs.retry(db, some, actor="somebody")
            await queue.offer(self.world.deps, [new])

    async def two_at_once(self) -> None:
        """Let two of the others meet."""
        steps = (self.claim, self.claim, self.finish, self.beat, self.cancel, self.sweep, self.retry)
        done = await asyncio.gather(*(each() for each in self.random.choices(steps, k=2)), return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException) and not isinstance(each, ApiError):
                raise each

    async def come_too_late(self) -> None:
        """Try a move that is not legal from where the job is, as who looked a moment too early does."""
        if some := await self._some_job():
            async with self.world.deps.begin() as db:
                state = JobState((await jobs.get(db, some)).state)
                new = self.random.choice([each for each in JobState if state not in sources(each)])
                assert await jobs.move(db, some, new, epoch=jobs.next_epoch) is None, f"{state} became {new}"

    async def withdraw(self) -> None:
        """Take the trust from a pipeline of which nothing runs: what is queued already must stay where it is."""
        held = sa.select(job.c.pipeline_id).where(job.c.state.in_(list(HELD)))
        waits = sa.select(job.c.pipeline_id).where(job.c.state == JobState.QUEUED)
        idle = sa.select(pipeline.c.id).where(pipeline.c.id.in_(waits), pipeline.c.id.not_in(held)).limit(1)
        await self.world.execute(sa.update(pipeline).where(pipeline.c.id.in_(idle)).values(trust=None))

    async def time_passes(self) -> None:
        """Let everything be older."""
        await self.pass_(self.random.choice((2, 16, 46, 80, 600)))

    async def pass_(self, seconds: float) -> None:
        """Let everything be older by some seconds."""
        by = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        for table, names in (
            (job, ("queued_at", "cancel_requested_at", "ended_at")),
            (attempt, ("opened_at", "accepted_at", "lease_until")),
            (board, ("reusable_at",)),
            (status, ("sent_at", "next_at")),
        ):
            await self.world.execute(sa.update(table).values({name: table.c[name] - by for name in names}))

    async def sweep(self) -> None:
        """Put right what no event puts right."""
        await self.world.sweep()

    async def report(self) -> None:
        """Tell the forge."""
        await statuses.send_due(self.world.deps)

    async def repair_boards(self) -> None:
        """Let a person say that all boards are good."""
        good = {"health": Health.GOOD, "fail_streak": 0, "reusable_at": None}
        await self.world.execute(sa.update(board).values(good))

    async def flush_redis(self) -> None:
        """Empty Redis."""
        self.world.deps.redis_sync.flushall()

    async def restart_web(self) -> None:
        """Replace the web process that the builders speak to, forgetting all that it knew."""
        await self._web.aclose()
        _, _, address = await self._web.enter_async_context(web(self.world.settings))
        for lab in self.labs:
            lab.http = await self.world.client(lab.token, address)
        self._be_patient()

    def _be_patient(self) -> None:
        """Take a slow machine for no fault."""
        for lab in self.labs:
            lab.http.timeout = httpx2.Timeout(120)

    async def drain(self) -> None:
        """Let time pass and builders work until nothing is open any more."""
        untrusted = sa.select(pipeline.c.id).where(pipeline.c.trust.is_(None))
        while await self._some_job(job.c.pipeline_id.in_(untrusted), job.c.ended_at.is_(None)):
            await self.approve()
        for _ in range(60):
            if await self._some_job(job.c.ended_at.is_(None)) is None:
                break
            await self.pass_(80)
            await self.repair_boards()
            await self.sweep()
            for lab in self.labs:
                while (lease := await lab.claim()) is not None:
                    await lab.beat(lease)
                    await lab.finish(lease)
            await self.check()
        assert await self._some_job(job.c.ended_at.is_(None)) is None, "a job never ends"

    async def compare(self) -> None:
        """Hold RQ and the forge against the rows."""
        await self.pass_(80)
        await self.sweep()
        assert self.world.rq_list("a") == self.world.rq_list("b") == []
        await self.pass_(80)
        await statuses.send_due(self.world.deps)
        shown = {(each.commit, each.context): each.state for each in self.forges.statuses}
        async with self.world.deps.begin() as db:
            for row in (await db.execute(sa.select(status))).mappings():
                view = await pipelines.get(db, row["pipeline_id"])
                assert view is not None
                wanted = wording.status_state(JobState(view.state)).value
                assert shown[row["commit"], row["context"]] == wanted, row["commit"]
