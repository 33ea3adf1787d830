"""A real service over HTTP, and verbs that put rows where builders and forges would."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import sqlalchemy as sa
import zstandard

from app import deps as deps_module
from app.cli import web
from app.db import tables
from app.db.models import SQLModel
from app.db.queries import logs, tokens, users
from app.deps import Deps
from app.results.ingest import ingest
from app.rights import Role
from app.settings import Settings
from app.states import ENDED, JobState

NOW = datetime.now(UTC).replace(microsecond=0)
SERIES = SQLModel.metadata.tables["series"]


def sha(number: int) -> str:
    """Make a full hash that tells commits apart at the beginning."""
    return hashlib.sha1(str(number).encode()).hexdigest()


def native(name: str = "boot", *samples: float, unit: str = "ms", better: str = "lower", **more: Any) -> bytes:
    """Write a native result file of one benchmark and one metric."""
    metric = {"name": "time", "unit": unit, "better": better, "samples": list(samples)}
    return json.dumps({"version": 1, "benchmarks": [{"name": name, "metrics": [metric], **more}]}).encode()


@dataclass
class Site:
    """A running service with an empty database."""

    url: str
    deps: Deps
    http: httpx2.AsyncClient
    stop: asyncio.Event
    boards: dict[str, int] = field(default_factory=dict)

    async def get(self, path: str, status: int = 200) -> str:
        """Read a page."""
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def json(self, path: str) -> Any:
        """Read a page's data."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def admin(self) -> dict[str, str]:
        """Make an admin; gives the header that says so, and sends it with all that follows."""
        async with self.deps.begin() as db:
            user_id = await users.add(db, "ada", password_hash=None, role=Role.ADMIN)
            made = await tokens.add(db, user_id, "test", lifetime=None)
        assert made
        self.http.headers["Authorization"] = f"Bearer {made[1]}"
        return {"Authorization": f"Bearer {made[1]}"}

    async def insert(self, table: str, **values: Any) -> int:
        """Insert one row; gives its id."""
        async with self.deps.begin() as db:
            row = sa.insert(SQLModel.metadata.tables[table]).values(**values)
            return int((await db.execute(row.returning(sa.literal_column("id")))).scalar_one())

    async def insert_plain(self, table: str, **values: Any) -> None:
        """Insert one row of a table without ids."""
        async with self.deps.begin() as db:
            await db.execute(sa.insert(SQLModel.metadata.tables[table]).values(**values))

    async def update(self, table: str, row_id: int, **values: Any) -> None:
        """Change one row."""
        chosen = SQLModel.metadata.tables[table]
        async with self.deps.begin() as db:
            await db.execute(sa.update(chosen).where(chosen.c.id == row_id).values(**values))

    async def repository(self, full_name: str = "acme/firmware", forge: str = "github", **values: Any) -> int:
        known = {"forge_id": int(sha(len(full_name))[:6], 16), "clone_url": f"https://github.com/{full_name}.git"}
        return await self.insert("repository", forge=forge, full_name=full_name, **{**known, **values})

    async def pipeline(self, repository_id: int, commit: str = sha(1), **values: Any) -> int:
        usual = {"kind": "run", "trigger": "push", "branch": "main", "trust": "commit of the repository itself"}
        return await self.insert("pipeline", repository_id=repository_id, commit=commit, **{**usual, **values})

    async def board(self, name: str = "nucleo-1", builder: str = "lab-1", **values: Any) -> int:
        """Register a board, and its builder if there is none of the name."""
        async with self.deps.begin() as db:
            known = await db.scalar(sa.select(tables.builder.c.id).where(tables.builder.c.name == builder))
        builder_id = known or await self.insert(
            "builder",
            name=builder,
            token_hash=b"x",
            seen_at=datetime.now(UTC),
            version="0.1.0",
            facts={"machine": "x86_64"},
        )
        self.boards[name] = await self.insert(
            "board", builder_id=builder_id, name=name, **{"type": "nucleo-f7", "tags": [], **values}
        )
        return self.boards[name]

    async def job(self, pipeline_id: int, state: str = "queued", **values: Any) -> int:
        usual: dict[str, Any] = {
            "board_type": "nucleo-f7", "configuration": "release", "priority": "branch", "tags": [], "queued_at": NOW
        }  # fmt: skip
        if JobState(state) in ENDED:
            usual |= {"ended_at": NOW, "started_at": NOW - timedelta(seconds=42)}
        if state in ("leased", "running"):
            usual |= {"epoch": 1, "started_at": NOW}
        return await self.insert("job", pipeline_id=pipeline_id, state=state, **{**usual, **values})

    async def attempt(self, job_id: int, outcome: str | None = None, *, board: str = "nucleo-1", **values: Any) -> int:
        """Open an attempt, or add one that has ended."""
        if board not in self.boards:
            await self.board(board)
        async with self.deps.begin() as db:
            where = tables.board.c.id == self.boards[board]
            builder_id = await db.scalar(sa.select(tables.board.c.builder_id).where(where))
        usual = {
            "epoch": 1, "claim_id": uuid4(), "lease_until": NOW, "board_id": self.boards[board], "opened_at": NOW,
            "ended_at": NOW + timedelta(seconds=42) if outcome else None, "builder_id": builder_id,
        }  # fmt: skip
        attempt_id = await self.insert("attempt", job_id=job_id, outcome=outcome, **{**usual, **values})
        held = sa.select(tables.attempt.c.id, tables.attempt.c.board_id, tables.attempt.c.ended_at.is_(None))
        async with self.deps.begin() as db:
            names = ["attempt_id", "board_id", "is_open"]
            holds = sa.insert(tables.attempt_board).from_select(names, held.where(tables.attempt.c.id == attempt_id))
            await db.execute(holds)
        return attempt_id

    async def log(self, attempt_id: int, job_id: int, data: bytes) -> None:
        """Append to a log as the builder's call does, with its notice."""
        async with self.deps.begin() as db:
            size = await logs.append(
                db, attempt_id, await logs.size(db, attempt_id), await logs.size(db, attempt_id), data
            )
        await self.deps.notices.publish("log", attempt=attempt_id, job=job_id, size=size)

    async def result(self, attempt_id: int, data: bytes, number: int = 0, **of: Any) -> int:
        packed = zstandard.ZstdCompressor().compress(data)
        digest = hashlib.sha256(data).hexdigest()
        return await self.insert(
            "result", attempt_id=attempt_id, number=number, data=packed, size=len(data), sha256=digest, **of
        )

    async def measured(
        self, repository_id: int, commit: str, files: Sequence[bytes], *, outcome: str = "passed", at: int = 0,
        title: str = "", pipeline: dict[str, Any] | None = None, **job: Any,
    ) -> tuple[int, int]:  # fmt: skip
        """Run a whole pipeline of one job with result files; `at` is hours since the first commit."""
        made_at = NOW - timedelta(days=30) + timedelta(hours=at)
        if title:
            await self.insert(
                "commit",
                repository_id=repository_id,
                sha=commit,
                title=title,
                committed_at=made_at,
                parents=[],
                author="Ada",
            )
        pipeline_id = await self.pipeline(repository_id, commit, title=title, **(pipeline or {}))
        job_id = await self.job(pipeline_id, outcome, **job)
        attempt_id = await self.attempt(job_id, outcome)
        for number, data in enumerate(files):
            await self.result(attempt_id, data, number)
        await ingest(self.deps, attempt_id)
        return job_id, attempt_id

    async def series(self) -> list[Any]:
        """Read all series with their measurements."""
        wanted = sa.select(SERIES, SQLModel.metadata.tables["measurement"]).join_from(
            SERIES, SQLModel.metadata.tables["measurement"]
        )
        async with self.deps.begin() as db:
            return list((await db.execute(wanted.order_by(SERIES.c.id))).mappings())

    async def end(self, job_id: int, attempt_id: int, state: str, **job: Any) -> None:
        """End a job as a finish does, with its notice."""
        await self.update("attempt", attempt_id, ended_at=NOW, outcome=state)
        await self.update("job", job_id, state=state, ended_at=NOW, **job)
        await self.deps.notices.publish("job", pipeline=0, job=job_id, state=state)


@asynccontextmanager
async def running(settings: Settings, port: int = 0) -> AsyncIterator[Site]:
    """Run the web process's own server on a free port, or on one that another left."""
    chosen = settings.model_copy(update={"port": port})
    stop, made = asyncio.Event(), await deps_module.build(chosen)
    with web.listening(chosen) as opened:
        url = "http://{}:{}".format(*opened.tcp.getsockname()[:2])
        opened.tcp.listen()  # the first request waits for the server, instead of the test
        server = asyncio.create_task(web.run(chosen, opened, stop))
        try:
            async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
                asked = asyncio.ensure_future(http.get("/healthz"))
                await asyncio.wait([asked, server], return_when=asyncio.FIRST_COMPLETED)
                (await asked).raise_for_status()
                yield Site(url=url, deps=made, http=http, stop=stop)
        finally:
            stop.set()
            await server
            await made.close()
