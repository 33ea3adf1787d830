"""What hosting services are told, in Procfile and render.yaml, is started as it stands and does the main job."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
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


async def test_what_the_host_starts_brings_a_push_to_passed(servers, emptier, redis_url, tmp_path):
    world = World()
    project = world.add(FakeRepository(id=11, full_name="acme/boot"))
    commit = repository(tmp_path / "git", "acme/boot", {"build.sh": "#!/bin/sh\n", "run.sh": RUN})
    port, url = free_port(), "postgresql://"
    async with AsyncExitStack() as opened:
        forge = await opened.enter_async_context(serving(Site(world, tmp_path / "git", token=TOKEN)))
        database = (await opened.enter_async_context(empty_database(emptier, servers.database_url))).replace(
            "postgresql+asyncpg://", url
        )
        owner = {
            "RIGLINE_PUBLIC_URL": "https://rigline.onrender.example",
            "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
            "RIGLINE_GITHUB_TOKEN": TOKEN,
        }
        given = {
            kind: variables(SERVICES[kind], database=database, keyvalue=redis_url, owner=owner)
            for kind in ("web", "worker")
        }
        assert all(name in VARIABLES for each in given.values() for name in each if name != "PYTHON_VERSION")
        beside = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "RIGLINE_GITHUB_API_URL": f"{forge}{GITHUB}",
        }
        web_env = given["web"] | beside | {"PORT": str(port), "RIGLINE_DATA_DIR": str(tmp_path / "web")}
        worker_env = given["worker"] | beside | {"RIGLINE_DATA_DIR": str(tmp_path / "worker")}

        released = await processes.command("sh", "-c", f"exec {PROCFILE['release']}", env=web_env)
        assert released.status == 0, released.err
        log = tmp_path / "web.log"
        web = await opened.enter_async_context(
            processes.running("sh", "-c", f"exec {PROCFILE['web']}", env=web_env, log=log)
        )
        await processes.ready(f"http://127.0.0.1:{port}", web, log)
        await opened.enter_async_context(
            processes.running("sh", "-c", f"exec {PROCFILE['worker']}", env=worker_env, log=tmp_path / "worker.log")
        )
        client = {"RIGLINE_DATA_DIR": str(tmp_path / "web")}
        added = await processes.command(*RIGLINE, "repo", "add", "github", "acme/boot", env=client)
        assert added.status == 0, added.err
        (tmp_path / "gate").touch()
        await opened.enter_async_context(builder("left", f"http://127.0.0.1:{port}", tmp_path, client))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            assert (await http.get(SERVICES["web"]["healthCheckPath"])).status_code == 200
            ada = Person(id=world.grant(project.id, "ada", Permission.WRITE), name="ada")
            push = deliveries.github_push(project, commit, SECRET, sender=ada)
            answer = await http.post(push.path, headers=push.headers, content=push.body)
        assert answer.status_code == 202

        async with asyncio.timeout(60):
            while (told := world.latest(commit).get("rigline/run")) is None or told.state == "pending":
                await asyncio.sleep(0.05)

        assert told.state == "success", told
