"""The main job on shared servers: two web processes, one worker, two builders, a GitHub and a GitLab."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import redis

from app.db.session import arguments
from app.settings import Settings
from integrations.fake import deliveries
from integrations.fake.deliveries import Delivery, Person
from integrations.fake.site import Site
from integrations.fake.world import FakeRepository, World
from integrations.forge import Permission
from tests.acceptance import processes
from tests.acceptance.conftest import repository, serving
from tests.acceptance.processes import RIGLINE
from tests.acceptance.shared import PUBLIC_URL, SECRET, TOKEN, admin, builder, environment, start_service

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
BUILD = "#!/bin/sh\necho building\n"
RUN = """\
#!/bin/sh
echo "running on $RIGLINE_BOARD"
while [ ! -e "$GATE" ]; do sleep 0.05; done
metric='{"name":"time","unit":"ms","better":"lower","samples":[7]}'
echo "{\\"version\\":1,\\"benchmarks\\":[{\\"name\\":\\"boot\\",\\"metrics\\":[$metric]}]}" > "$RIGLINE_RESULTS"
echo done
"""


@dataclass(kw_only=True)
class Lab:
    """Everything that runs, seen from outside."""

    webs: list[str]
    world: World
    folder: Path
    env: dict[str, str]
    projects: dict[str, FakeRepository]
    commit: str

    async def deliver(self, delivery: Delivery, web: int) -> None:
        async with httpx2.AsyncClient() as http:
            answer = await http.post(self.webs[web] + delivery.path, headers=delivery.headers, content=delivery.body)
        assert answer.status_code == 202, answer.text

    async def get(self, path: str, web: int = 0) -> Any:
        """Read as admin: one of the repositories is private."""
        async with admin(self.folder / f"web-{web}") as http:
            answer = await http.get(f"/api/v1{path}")
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers["content-type"] else answer.text

    async def status(self, path: str, web: int = 0) -> int:
        """Read as anybody; give the status of the answer."""
        async with httpx2.AsyncClient(base_url=self.webs[web]) as http:
            return (await http.get(f"/api/v1{path}")).status_code

    async def until(self, met: Any, limit: float = 30.0) -> Any:
        """Look again and again until something is so; what it was."""
        async with asyncio.timeout(limit):
            while not (found := await met()):
                await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def site(settings: Settings, tmp_path: Path) -> AsyncIterator[Lab]:
    """Start two web processes, a worker and two builders over the session's PostgreSQL and Valkey."""
    world = World()
    projects = {
        "github": world.add(FakeRepository(id=11, full_name="acme/boot", private=True)),
        "gitlab": world.add(FakeRepository(id=12, full_name="lab/deep/boot")),
    }
    commit = repository(tmp_path / "git", "acme/boot", {"build.sh": BUILD, "run.sh": RUN})
    (tmp_path / "git/lab/deep").mkdir(parents=True)
    (tmp_path / "git/lab/deep/boot.git").symlink_to(tmp_path / "git/acme/boot.git")
    client = {"RIGLINE_DATA_DIR": str(tmp_path / "web-0")}
    async with AsyncExitStack() as opened:
        forge = await opened.enter_async_context(
            serving(Site(world, tmp_path / "git", token=TOKEN, private=["acme/boot.git"]))
        )
        webs = await start_service(opened, environment(settings, forge), tmp_path)
        for forge_name, project in projects.items():
            added = await processes.command(*RIGLINE, "repo", "add", forge_name, project.full_name, env=client)
            assert added.status == 0, added.err
        for board, web in zip(("left", "right"), webs, strict=True):
            await opened.enter_async_context(builder(board, web, tmp_path, client))
        yield Lab(webs=webs, world=world, folder=tmp_path, env=client, projects=projects, commit=commit)
        (tmp_path / "gate").touch()


def _push(site: Lab, forge: str) -> Delivery:
    project = site.projects[forge]
    person = Person(id=site.world.grant(project.id, "ada", Permission.WRITE), name="ada")
    make = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return make(project, site.commit, SECRET, sender=person, message="Boot faster")


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_push_is_built_and_run_on_the_right_boards_with_a_live_log_and_ends_as_a_status(
    site: Lab, forge: str
) -> None:
    await site.deliver(_push(site, forge), web=0)

    async def both_run() -> Any:
        pipelines = (await site.get("/pipelines"))["items"]
        pipeline = await site.get(f"/pipelines/{pipelines[0]['id']}") if pipelines else {"jobs": []}
        logs = [await site.get(f"/jobs/{job['id']}/log", web=1) for job in pipeline["jobs"]]
        return pipeline if len(logs) == 2 and all("running on" in log for log in logs) else None

    live = await site.until(both_run)
    early = site.world.latest(site.commit)
    (site.folder / "gate").touch()

    async def told() -> Any:
        return site.world.latest(site.commit)["rigline/run"].state == "success"

    await site.until(told)
    pipeline = await site.get(f"/pipelines/{live['id']}", web=1)

    assert early["rigline/run"].state in ("pending", "running")
    assert pipeline["state"] == "passed"
    for job in pipeline["jobs"]:
        assert f"running on {job['board_type']}" in await site.get(f"/jobs/{job['id']}/log")
        assert (await site.get(f"/jobs/{job['id']}"))["attempt"]["builder"] == f"{job['board_type']}-builder"
    assert sorted(job["board_type"] for job in pipeline["jobs"]) == ["left", "right"]
    assert site.world.latest(site.commit)["rigline/run"].target_url == f"{PUBLIC_URL}/pipelines/{pipeline['id']}"
    assert await site.status(f"/pipelines/{pipeline['id']}") == (404 if site.projects[forge].private else 200)
    history = await site.get("/series")
    assert [each["benchmark"] for each in history["items"]] == ["boot", "boot"]


async def test_no_secret_is_left_in_logs_rows_pages_or_git(site: Lab, settings: Settings) -> None:
    (site.folder / "gate").touch()
    for forge in ("github", "gitlab"):  # GitLab's secret is a header
        await site.deliver(_push(site, forge), web=0)

    async def ended() -> Any:
        pipelines = (await site.get("/pipelines"))["items"]
        return len(pipelines) == 2 and all(each["ended_at"] for each in pipelines) and pipelines

    pipelines = await site.until(ended)
    pages, logs = await _pages(site, pipelines)

    kept = [*pages, *logs, *_queued(settings), *await _rows(settings), *_files(site.folder)]
    assert [text[:200] for text in kept for secret in (SECRET, TOKEN) if secret in text] == []
    assert [each["state"] for each in pipelines] == ["passed", "passed"]
    assert len(logs) == 4 and all("building" in each for each in logs)
    assert any("handle_delivery" in each for each in _queued(settings))


async def _pages(site: Lab, pipelines: list[Any]) -> tuple[list[str], list[str]]:
    """Read what an admin sees, who sees the most, and the logs of all jobs."""
    async with admin(site.folder / "web-0") as http:
        jobs = [job["id"] for each in pipelines for job in (await site.get(f"/pipelines/{each['id']}"))["jobs"]]
        brought = [each["id"] for each in (await http.get("/deliveries.json")).json()["items"]]
        paths = ["/", "/pipelines", "/builders", "/deliveries", "/api/v1/pipelines", "/api/v1/repositories", "/metrics"]
        paths += [f"/deliveries/{each}" for each in brought] + [f"/jobs/{each}" for each in jobs]
        logs = [(await http.get(f"/api/v1/jobs/{each}/log")).text for each in jobs]
        return [(await http.get(path)).text for path in paths], logs


def _queued(settings: Settings) -> list[str]:
    """Read all that Redis holds; RQ packs what its jobs are called with."""
    with redis.Redis.from_url(settings.redis_url) as client:
        return [_held(client, key) for key in client.scan_iter()]


def _held(client: "redis.Redis", key: bytes) -> str:
    held: Any = client.hgetall(key) if client.type(key) == b"hash" else {b"": client.dump(key)}
    unpacked = [zlib.decompress(each) if each[:1] == b"\x78" else each for each in held.values() if each]
    return b"\n".join([key, *unpacked]).decode("latin-1")


async def _rows(settings: Settings) -> list[str]:
    connection = await asyncpg.connect(**arguments(settings.database_url))
    try:
        tables = [row["tablename"] for row in await connection.fetch(TABLES)]
        return [row[0] for table in tables for row in await connection.fetch(f'SELECT t::text FROM "{table}" t')]
    finally:
        await connection.close()


def _files(folder: Path) -> list[str]:
    """Read what the processes, the agents and git wrote; secrets have a file of their own in none of it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    return [path.read_bytes().decode("latin-1") for path in files]
