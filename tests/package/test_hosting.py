"""What hosting services are told, in Procfile and render.yaml, is started as it stands and does the main job."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import yaml

from app.settings import VARIABLES
from integrations.fake import deliveries
from integrations.fake.deliveries import Person
from integrations.fake.server import GITHUB
from integrations.fake.site import Site
from integrations.fake.world import FakeRepository, World
from integrations.forge import Permission
from tests.acceptance import processes
from tests.acceptance.conftest import repository, serving
from tests.acceptance.processes import RIGLINE
from tests.acceptance.shared import builder, free_port
from tests.ground.test_migrations import empty_database

ROOT = Path(__file__).parents[2]
BLUEPRINT = yaml.safe_load((ROOT / "render.yaml").read_text())
SERVICES = {each["type"]: each for each in BLUEPRINT["services"]}
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
SECRET, TOKEN = "hosting-secret", "hosting-token"
RUN = """#!/bin/sh
metric='{"name":"time","unit":"ms","better":"lower","samples":[7]}'
echo "{\\"version\\":1,\\"benchmarks\\":[{\\"name\\":\\"boot\\",\\"metrics\\":[$metric]}]}" > "$RIGLINE_RESULTS"
"""


def variables(service, *, database, keyvalue, owner):
    """Give a service the variables that the blueprint says, as the host would: from groups, databases, its owner."""
    groups = {each["name"]: each["envVars"] for each in BLUEPRINT["envVarGroups"]}
    listed = [*service["envVars"]]
    for each in service["envVars"]:
        listed += groups[each["fromGroup"]] if "fromGroup" in each else []
    found = {}
    for each in listed:
        if "fromDatabase" in each:
            assert each["fromDatabase"]["name"] in [one["name"] for one in BLUEPRINT["databases"]]
            found[each["key"]] = database
        elif "fromService" in each:
            assert each["fromService"]["name"] == SERVICES["keyvalue"]["name"]
            found[each["key"]] = keyvalue
        elif each.get("generateValue"):
            found[each["key"]] = "made by the host, the same for all of the group"
        elif "sync" in each:
            found[each["key"]] = owner[each["key"]]
        elif "key" in each:
            found[each["key"]] = each["value"]
    return found


def test_both_files_say_the_same_commands():
    web, worker = SERVICES["web"], SERVICES["worker"]

    assert {
        "release": web["preDeployCommand"],
        "web": web["startCommand"],
        "worker": worker["startCommand"],
    } == PROCFILE
    assert web["buildCommand"] == worker["buildCommand"]
    assert SERVICES["keyvalue"]["maxmemoryPolicy"] == "noeviction"
    assert int(BLUEPRINT["databases"][0]["postgresMajorVersion"]) >= 15


def test_the_blueprint_builds_with_the_packages_of_the_lock():
    words = SERVICES["web"]["buildCommand"].split()

    assert (ROOT / words[words.index("-r") + 1]).exists()
    assert "--require-hashes" in words


@asynccontextmanager
async def hosted(url, keyvalue, forge, folder):
    """Start release, web and worker as the files say; yields web's address."""
    port, log = free_port(), folder / "web.log"
    owner = {
        "RIGLINE_PUBLIC_URL": "https://rigline.onrender.example",
        "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
        "RIGLINE_GITHUB_TOKEN": TOKEN,
    }
    beside = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "RIGLINE_GITHUB_API_URL": f"{forge}{GITHUB}",
        "PORT": str(port),
    }
    env = {}
    for kind in ("web", "worker"):
        given = variables(SERVICES[kind], database=url, keyvalue=keyvalue, owner=owner)
        assert [name for name in given if name not in VARIABLES and name != "PYTHON_VERSION"] == []
        env[kind] = given | beside | {"RIGLINE_DATA_DIR": str(folder / kind)}
    released = await processes.command("sh", "-c", f"exec {PROCFILE['release']}", env=env["web"])
    assert released.status == 0, released.err
    async with AsyncExitStack() as opened:
        for kind in ("web", "worker"):
            starting = processes.running(
                "sh", "-c", f"exec {PROCFILE[kind]}", env=env[kind], log=folder / f"{kind}.log"
            )
            process = await opened.enter_async_context(starting)
            if kind == "web":
                await processes.ready(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"


async def test_what_the_host_starts_brings_a_push_to_passed(servers, emptier, redis_url, tmp_path):
    world = World()
    project = world.add(FakeRepository(id=11, full_name="acme/boot"))
    commit = repository(tmp_path / "git", "acme/boot", {"build.sh": "#!/bin/sh\n", "run.sh": RUN})
    client = {"RIGLINE_DATA_DIR": str(tmp_path / "web")}
    async with (
        serving(Site(world, tmp_path / "git", token=TOKEN)) as forge,
        empty_database(emptier, servers.database_url) as url,
        hosted(url.replace("+asyncpg", ""), redis_url, forge, tmp_path) as web,
        builder("left", web, tmp_path, client),
        httpx2.AsyncClient(base_url=web) as http,
    ):
        added = await processes.command(*RIGLINE, "repo", "add", "github", "acme/boot", env=client)
        assert added.status == 0, added.err
        assert (await http.get(SERVICES["web"]["healthCheckPath"])).status_code == 200
        ada = Person(id=world.grant(project.id, "ada", Permission.WRITE), name="ada")
        push = deliveries.github_push(project, commit, SECRET, sender=ada)

        assert (await http.post(push.path, headers=push.headers, content=push.body)).status_code == 202

        async with asyncio.timeout(60):
            while (told := world.latest(commit).get("rigline/run")) is None or told.state == "pending":
                await asyncio.sleep(0.05)
        assert told.state == "success", told
