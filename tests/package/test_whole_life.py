"""From an empty folder to another machine: installed as the documentation says, with an environment of its own.

It downloads all packages or takes them from the caches of pip and uv: only `make test-all` runs it.
"""

import asyncio
import json
import os
import pwd
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from app.db import schema
from integrations.fake import deliveries
from integrations.fake.deliveries import Person
from integrations.fake.server import GITHUB
from integrations.fake.site import Site
from integrations.fake.world import FakeRepository, World
from integrations.forge import Permission
from tests.acceptance import processes
from tests.acceptance.conftest import repository, serving
from tests.ground.processes import working_below
from tests.package import code_trees
from tests.package.instances import Instance, folder

SECRET, TOKEN = "package-secret", "package-token"
METRIC = '{"name":"time","unit":"ms","better":"lower","samples":[7]}'
RUN = f"""#!/bin/sh
echo '{{"version":1,"benchmarks":[{{"name":"boot","metrics":[{METRIC}]}}]}}' > "$RIGLINE_RESULTS"
"""
CONFIGURATION = """version = 1
[builder]
state_dir = "{folder}/state"
work_dir = "{folder}/work"
[[boards]]
name = "left"
[[boards.configurations]]
name = "default"
build = ["true"]
run = ["sh", "run.sh"]
"""


def connect(instance, forge):
    """Write the forge's settings, as the owner would."""
    lines = {
        "RIGLINE_GITHUB_API_URL": f"{forge}{GITHUB}",
        "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
        "RIGLINE_GITHUB_TOKEN": TOKEN,
    }
    with (instance.prefix / "etc/rigline.env").open("a") as settings:
        settings.write("".join(f"{name}={value}\n" for name, value in lines.items()))


def url_of(instance):
    return instance.status()["urls"][-1]


@asynccontextmanager
async def agent(instance, folder, variables):
    """Run a builder that trusts the instance's own certificate, as it was registered."""
    folder.mkdir(exist_ok=True)
    (folder / "builder.toml").write_text(CONFIGURATION.format(folder=folder))
    env = variables | {"SSL_CERT_FILE": str(instance.prefix / "etc/ssl/cert.pem")}
    program = instance.prefix / "venv/bin/rigline-builder"
    words = (str(program), "--config", str(folder / "builder.toml"), "connect", "--server", url_of(instance))
    log = folder / "agent.log"
    async with processes.running(*words, env=env, log=log) as child:
        await processes.said(log, "connected", child)
        yield


async def pushed(instance, world, project, commit):
    """Push, and wait for what the forge is told."""
    ada = Person(id=world.grant(project.id, "ada", Permission.WRITE), name="ada")
    push = deliveries.github_push(project, commit, SECRET, sender=ada)
    answer = await asyncio.to_thread(post, instance, push)
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(120):
        while (told := world.latest(commit).get("rigline/run")) is None or told.state == "pending":
            await asyncio.sleep(0.05)
    return told.state


def post(instance, push):
    context = instance.trust()
    return httpx2.post(
        url_of(instance) + push.path, headers=push.headers, content=push.body, verify=context, trust_env=False
    )


def exports(said):
    lines = (line.removeprefix("export ") for line in said.splitlines() if line.startswith("export "))
    return {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}


def states(place, head):
    """Give three states of the code: as it is, with a migration more, and with one that breaks half way."""
    first = code_trees.copied(place / "first", head=head)
    better = code_trees.copied(place / "better", head=head, migration=code_trees.GOOD)
    broken = code_trees.copied(place / "broken", head=head, migration=code_trees.GOOD)
    code_trees.migrate(broken, number="99991", after="9999", body=code_trees.BROKEN)
    return first, better, broken


async def whole_life(place):
    """Install, use, upgrade, fail to upgrade, back up, remove, restore elsewhere, use."""
    world = World()
    first, better, broken = states(place, schema.head())
    project = world.add(FakeRepository(id=11, full_name="acme/boot"))
    commits = [repository(place / "git", f"acme/boot{number}", {"run.sh": RUN + f"# {number}\n"}) for number in (1, 2)]
    (place / "git/acme/boot.git").symlink_to(place / "git/acme/boot1.git")
    one = Instance(place / "one")
    run = asyncio.to_thread
    async with serving(Site(world, place / "git", token=TOKEN)) as forge:
        await run(one.must, first / "scripts/bootstrap.py", "install", "--prefix", one.prefix, program=[sys.executable])
        connect(one, forge)
        await run(one.must, "start")
        await run(one.must, "repo", "add", "github", "acme/boot")
        variables = exports(await run(one.must, "builder", "create", "shelf"))
        async with agent(one, place / "lab", variables):
            assert await pushed(one, world, project, commits[0]) == "success"

            upgraded = await run(one.rigline, "upgrade", "--from", better)
            failed = await run(one.rigline, "upgrade", "--from", broken)

        assert upgraded.returncode == 0, upgraded.stderr
        assert (failed.returncode, "failed at the migration" in failed.stderr) == (1, True), failed.stderr
        assert "no_such_function" in failed.stderr
        assert "the service runs" in failed.stderr
        assert json.loads(one.must("db", "current", "--json"))["current"] == "9999"
        moved = await elsewhere(one, place, better)
        connect(moved, forge)
        await run(moved.must, "start")
        (place / "git/acme/boot.git").unlink()
        (place / "git/acme/boot.git").symlink_to(place / "git/acme/boot2.git")
        pipelines = json.loads(await run(moved.must, "pipeline", "list", "--json"))["items"]
        assert [each["commit"] for each in pipelines] == [commits[0]]
        async with agent(moved, place / "lab2", variables):
            assert await pushed(moved, world, project, commits[1]) == "success"
        await run(moved.must, "uninstall", "--yes")
    assert not moved.prefix.exists()


async def elsewhere(one, place, source):
    """Move an instance by its backup; nothing of it stays."""
    run = asyncio.to_thread
    await run(one.must, "backup", place / "one.rig", "--with-secret-key")
    key = next(line for line in (one.prefix / "etc/rigline.env").read_text().splitlines() if "SECRET_KEY=" in line)
    await run(one.must, "uninstall", "--yes")
    assert not one.prefix.exists()
    assert working_below(one.prefix) == []
    moved = Instance(place / "two")
    program = [sys.executable, source / "scripts/bootstrap.py"]
    await run(moved.must, "install", "--prefix", moved.prefix, "--port", "18443", program=program)
    env = moved.prefix / "etc/rigline.env"
    env.write_text(
        "".join(f"{key}\n" if "SECRET_KEY=" in line else f"{line}\n" for line in env.read_text().splitlines())
    )
    await run(moved.must, "restore", place / "one.rig")
    return moved


if os.environ.get("RIGLINE_TEST_CAMPAIGN", "1") != "1":  # minutes, and packages from outside where no cache has them

    async def test_an_instance_is_installed_used_upgraded_moved_and_goes_on_working():
        with folder() as place:
            await whole_life(place)

    if os.geteuid() == 0 and shutil.which("useradd") and Path("/usr/bin/python3").exists():

        def test_a_system_account_runs_it_and_can_write_nothing_but_its_data():
            account = f"rig{os.getpid()}"
            with folder() as place:
                one = Instance(place / "one")
                wish = ("--user", account, "--python", "/usr/bin/python3", "--tls", "off", "--start")
                made = one.install(*wish, venv=None)
                assert made.returncode == 0, made.stderr + one.log()
                entry = pwd.getpwnam(account)
                owners = {Path(f"/proc/{pid}").stat().st_uid for pid in working_below(one.prefix)}
                files = [path for path in one.prefix.rglob("*") if path.lstat().st_uid == entry.pw_uid]
                said = one.must("builder", "list", "--json")
                one.must("uninstall", "--yes")

            assert (owners, entry.pw_dir, entry.pw_shell.endswith("nologin")) == ({entry.pw_uid}, "/nonexistent", True)
            assert {each.relative_to(one.prefix).parts[0] for each in files} == {"data", "etc", "logs", "tmp"}
            assert json.loads(said)["items"] == []
            assert account not in [each.pw_name for each in pwd.getpwall()]
