"""A PostgreSQL server that is stopped while a finish is being written: nothing is lost, and nothing is said twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from app.db import schema
from app.db.session import arguments
from app.embedded import folder, postgres
from app.embedded.child import Child
from app.settings import Settings, embedded_database_url
from integrations.fake import deliveries
from integrations.fake.deliveries import Person
from integrations.fake.site import Site
from integrations.fake.world import FakeRepository, World
from integrations.forge import Permission
from tests.acceptance import processes
from tests.acceptance.conftest import repository, serving
from tests.acceptance.processes import RIGLINE
from tests.acceptance.shared import SECRET, TOKEN, admin, builder, environment, start_service

OUTAGE_S = 300
SCRIPT = """\
#!/bin/sh
metric='{"name":"time","unit":"ms","better":"lower","samples":[7]}'
[ "$RIGLINE_ACTION" = build ] ||
    echo "{\\"version\\":1,\\"benchmarks\\":[{\\"name\\":\\"boot\\",\\"metrics\\":[$metric]}]}" > "$RIGLINE_RESULTS"
echo "$RIGLINE_ACTION is done"
"""
GATE = 4711
HOLD_THE_FINISH = f"""
CREATE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NEW; END';
CREATE TRIGGER stand AFTER UPDATE OF ended_at ON attempt FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION stand();
SELECT pg_advisory_lock({GATE});
"""
STANDS = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {GATE} AND NOT granted"
LET_TIME_PASS = f"""
UPDATE attempt SET opened_at = opened_at - interval '{OUTAGE_S}s', accepted_at = accepted_at - interval '{OUTAGE_S}s',
    lease_until = lease_until - interval '{OUTAGE_S}s';
UPDATE service SET heard_at = heard_at - interval '{OUTAGE_S}s';
"""


@contextmanager
def own_server(settings: Settings, place: Path) -> Iterator[tuple[Child, str]]:
    """Run a PostgreSQL of this test's own; gives it and its address."""
    data = place / "postgres"
    binaries = postgres.find(data, settings.postgres_bin)
    with folder.held(place):
        server = postgres.server(data, sockets=folder.sockets(place), binaries=binaries)
        server.start()
        try:
            yield server, embedded_database_url(place)
        finally:
            server.stop()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Connect; the server may be gone at the end."""
    connection = await asyncpg.connect(**arguments(url))
    try:
        yield connection
    finally:
        connection.terminate()


async def until(met: Any, limit: float = 60.0) -> Any:
    """Look again and again until something is so; what it was."""
    async with asyncio.timeout(limit):
        while not (found := await met()):
            await asyncio.sleep(0.05)
    return found


@dataclass(kw_only=True)
class Stage:
    """A service with a web process, a worker and a builder over a PostgreSQL that can be stopped."""

    world: World
    server: Child
    url: str
    place: Path
    http: httpx2.AsyncClient
    commit: str

    async def push(self) -> None:
        """Bring a push by somebody who may write."""
        project = self.world.repositories[11]
        ada = Person(id=self.world.grant(project.id, "ada", Permission.WRITE), name="ada")
        made = deliveries.github_push(project, self.commit, SECRET, sender=ada, message="Boot faster")
        answer = await self.http.post(made.path, headers=made.headers, content=made.body)
        assert answer.status_code == 202, answer.text

    async def is_told(self) -> bool:
        """Tell whether the forge shows that the run went well."""
        latest = self.world.latest(self.commit)
        return "rigline/run" in latest and latest["rigline/run"].state == "success"

    def told(self) -> list[str]:
        """List what the forge was told of the commit."""
        return [each.state for each in self.world.statuses if each.commit == self.commit]


@pytest.fixture
async def stage(settings: Settings, tmp_path: Path) -> AsyncIterator[Stage]:
    world = World()
    world.add(FakeRepository(id=11, full_name="acme/boot", private=True))
    commit = repository(tmp_path / "git", "acme/boot", {"build.sh": SCRIPT, "run.sh": SCRIPT})
    client = {"RIGLINE_DATA_DIR": str(tmp_path / "web-0")}
    async with AsyncExitStack() as opened:
        server, url = opened.enter_context(own_server(settings, tmp_path / "own"))
        await schema.upgrade(url)
        own = settings.model_copy(update={"database_url": url})
        forge = await opened.enter_async_context(serving(Site(world, tmp_path / "git", token=TOKEN)))
        [web] = await start_service(opened, environment(own, forge), tmp_path, 1)
        added = await processes.command(*RIGLINE, "repo", "add", "github", "acme/boot", env=client)
        assert added.status == 0, added.err
        await opened.enter_async_context(builder("left", web, tmp_path, client))
        http = await opened.enter_async_context(httpx2.AsyncClient(base_url=web))
        yield Stage(world=world, server=server, url=url, place=tmp_path / "own", http=http, commit=commit)


async def test_a_result_comes_once_after_a_database_that_was_away_for_five_minutes_during_its_finish(
    stage: Stage, settings: Settings, tmp_path: Path
) -> None:
    async with connected(stage.url) as db:
        await db.execute(HOLD_THE_FINISH)
        await stage.push()
        await until(lambda: db.fetchval(STANDS))
        stage.server.stop()
    away = await stage.http.get("/readyz")
    await let_time_pass(settings, stage.place)
    stage.server.start()

    await until(stage.is_told)
    async with connected(stage.url) as db:
        await until(lambda: db.fetchval("SELECT bool_and(sent_version = version) FROM status"))
        await until(lambda: db.fetchval("SELECT count(*) FROM measurement"))
        attempts = await db.fetch("SELECT job_id, epoch, outcome FROM attempt")
        kept = await db.fetchrow("SELECT (SELECT count(*) FROM result), (SELECT count(*) FROM measurement)")
    async with admin(tmp_path / "web-0") as http:  # the repository is private
        [pipeline] = (await http.get("/api/v1/pipelines")).json()["items"]
        log = (await http.get(f"/api/v1/jobs/{attempts[0]['job_id']}/log")).text

    assert away.status_code == 503
    assert "HTTP 500" not in (tmp_path / "left-agent/agent.log").read_text()
    assert [(each["epoch"], each["outcome"]) for each in attempts] == [(1, "passed")]
    assert (pipeline["state"], *kept) == ("passed", 1, 1)
    assert log.count("build is done") == log.count("run is done") == 1
    assert (stage.told()[-1], stage.told().count("success")) == ("success", 1)


async def let_time_pass(settings: Settings, place: Path) -> None:
    """Make the outage five minutes long, where neither web nor worker looks: on another socket."""
    (elsewhere := place / "elsewhere").mkdir()
    data = place / "postgres"
    aside = postgres.server(
        data, sockets=folder.sockets(elsewhere), binaries=postgres.find(data, settings.postgres_bin)
    )
    aside.start()
    try:
        async with connected(embedded_database_url(elsewhere)) as db:
            await db.execute(LET_TIME_PASS)
    finally:
        aside.stop()
