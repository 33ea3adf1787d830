"""A fork builds with the base's build files: the rules at the base name them, and the builder takes them from there."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx2
import pytest
import sqlalchemy as sa

from app.db.queries import builders
from app.db.tables import job, pipeline, repository
from integrations.fake.world import FakeRepository
from tests.builders.conftest import Lab, Project
from tests.specs.talk import A, B, Talk

RULES = b'[trust]\nfiles = ["tool/**", "Makefile"]\n'
NOTHING = b"on = []\n" + RULES


@pytest.fixture
async def world(world):
    world.fork = world.forges.add(FakeRepository(8888, "stranger/firmware"))
    world.forges.account("stranger")
    return world


async def planned(talk):
    """List what the pipelines know of a fork's build files, the oldest pipeline first."""
    return [(each.base, each.trusted_files) for each in await talk.world.rows(pipeline)]


async def test_a_changed_build_script_of_a_fork_is_the_bases_and_its_code_is_its_own(world, tmp_path):
    project, lab = Project(tmp_path / "project"), Lab(tmp_path / "lab", SimpleNamespace(url=world.address, hellos=[]))
    (project.path / "tool").mkdir()
    base = project.commit("Build", **{"tool/make__sh": "echo the base builds; cat code\n", "code": "of the base\n"})
    (project.path / "tool" / "more.sh").write_text("echo more of the fork")
    changed = {"tool/make__sh": "echo the fork builds; cat code\n", "code": "of the fork\n"}
    changed["__rigline__toml"] = "[trust]\nfiles = ['nothing']\n"
    head = project.commit("Build otherwise", **changed)
    project.git("update-ref", "refs/pull/9/head", head)
    world.repository.grow(base, branch="main", files={".rigline.toml": RULES})
    world.repository.grow(head, base, files={".rigline.toml": b"[trust]\nfiles = ['nothing']\n"})
    lab.script("run.sh", "true")
    board = '[[boards]]\nname = "pi4"\n[[boards.configurations]]\nname = "fast"\n'
    lab.config(f'{board}build = ["sh", "-c", ". tool/make.sh; ls tool"]\nrun = "scripts/run.sh"\n')
    async with world.deps.begin() as db:
        builder_id, secret = await builders.create(db, "shelf")
        here = sa.update(repository).where(repository.c.full_name == "acme/firmware")
        await db.execute(here.values(clone_url=f"file://{project.path}"))
    talk = Talk(world, fork=True, author="stranger")
    talk.show(head=head)
    try:
        await lab.start(RIGLINE_BUILDER_ID=str(builder_id), RIGLINE_BUILDER_TOKEN=f"rlb_{builder_id}.{secret}")
        await until(lambda: world.rows(world.tables.board))
        await talk.open()
        await talk.say(f"/rig approve {head}")
        [ended] = await until(lambda: ended_jobs(world))
    finally:
        await lab.close()

    async with httpx2.AsyncClient(base_url=world.address, trust_env=False) as http:
        log = (await http.get(f"/api/v1/jobs/{ended.id}/log")).text
    assert ended.state == "passed", log
    assert "the base builds\nof the fork\nmake.sh\n" in log
    assert f"taken from the base {base}: tool/** Makefile" in log
    assert "the fork builds" not in log and "more.sh" not in log


async def until(look, limit=60.0):
    """Look again and again until there is something."""
    async with asyncio.timeout(limit):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


async def ended_jobs(world):
    return [each for each in await world.rows(job) if each.ended_at is not None]


async def test_a_fork_that_only_a_command_runs_is_built_with_the_bases_files_too(world):
    await world.offer("pi4")
    world.repository.grow(B, branch="main", files={".rigline.toml": NOTHING})
    world.repository.grow(A, B)
    talk = Talk(world, fork=True, author="stranger")
    await talk.open()

    await talk.say(f"/rig approve {A}\n/rig run boards=pi4")

    assert await planned(talk) == [(B, ["tool/**", "Makefile"])]


async def test_rules_that_were_put_right_say_which_files_count(world):
    await world.offer("pi4")
    world.repository.grow(B, branch="main", files={".rigline.toml": b"[trust]\nfils = []\n"})
    world.repository.grow(A, B)
    talk = Talk(world, fork=True, author="stranger")
    await talk.open()
    assert await planned(talk) == [(None, [])]

    world.repository.grow("d" * 40, B, branch="main", files={".rigline.toml": RULES})
    await talk.open("reopened")

    assert await planned(talk) == [("d" * 40, ["tool/**", "Makefile"])]
    assert await talk.states() == ["awaiting_approval"]


async def test_a_branch_of_the_repository_itself_builds_with_its_own_files(world):
    await world.offer("pi4")
    world.repository.grow(B, branch="main", files={".rigline.toml": RULES})
    world.repository.grow(A, B)
    talk = Talk(world)

    await talk.open()

    assert await planned(talk) == [(None, [])]
