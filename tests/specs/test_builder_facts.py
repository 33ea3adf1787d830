"""What an agent says of its machine chooses what a rule's filter means: a real agent, asked nothing but to connect."""

import asyncio
import subprocess

import pytest
import sqlalchemy as sa

from app.db.queries import builders
from app.db.tables import attempt, builder, job
from tests.acceptance import processes
from tests.acceptance.processes import BUILDER
from tests.specs.ruling import A, B, C, push, rules

CONFIGURATION = """
version = 1
[[boards]]
name = "nucleo"
[[boards.configurations]]
name = "fast"
build = "true"
run = "true"
"""
ASKED = ". /etc/os-release; echo $(uname -s | tr A-Z a-z); echo $ID; echo ${ID_LIKE:-$ID}; echo $VERSION_ID; uname -m"
NAMES = ("os", "platform", "platform_family", "platform_version", "machine")


@pytest.fixture
async def agent(world, tmp_path):
    """Run an agent of its own process until the test ends; gives its log."""
    async with world.deps.begin() as db:
        builder_id, secret = await builders.create(db, "lab")
    (tmp_path / "builder.toml").write_text(CONFIGURATION)
    env = {
        "RIGLINE_BUILDER_ID": "lab",
        "RIGLINE_BUILDER_TOKEN": f"rlb_{builder_id}.{secret}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TMPDIR": str(tmp_path),
    }
    words = (*BUILDER, "--config", str(tmp_path / "builder.toml"), "connect", "--server", world.address)
    log = tmp_path / "agent.log"
    async with processes.running(*words, env=env, log=log) as child:
        await processes.said(log, r"(?i)connected", child)
        yield log


def machine():
    """Ask this machine, by other means than the agent does."""
    said = subprocess.run(["sh", "-c", ASKED], capture_output=True, text=True, check=True).stdout.split("\n")
    return {name: value.split(" ")[0] for name, value in zip(NAMES, said, strict=False) if value}


def filtered(facts):
    return "[[on]]\nevent = 'push'\n[on.filter]\n" + "".join(f"{name} = {value!r}\n" for name, value in facts.items())


async def handed_out(world, commit):
    """Wait until a commit's job was given to a builder; say to which."""
    wanted = (
        sa.select(builder.c.name)
        .select_from(attempt.join(job).join(builder, builder.c.id == attempt.c.builder_id))
        .where(job.c.pipeline_id.in_([each.id for each in await world.pipelines(commit=commit)]))
    )
    async with asyncio.timeout(30):
        while True:
            async with world.deps.begin() as db:
                found = set(await db.scalars(wanted))
            if found:
                return found
            await asyncio.sleep(0.05)


async def test_a_job_that_asks_for_a_kind_of_machine_goes_to_the_agent_that_says_it_is_one(world, agent):
    facts = machine()
    assert {"os", "platform", "machine"} <= set(facts)
    [said] = [each.facts for each in await world.rows(builder)]
    assert {name: said[name] for name in facts} == facts

    await world.offer("nucleo")  # by another machine, which asks for no work
    async with world.deps.begin() as db:
        await db.execute(sa.update(builder).where(builder.c.name != "lab").values(facts={**said, "os": "plan9"}))
    rules(world, filtered({"os": "plan9"}) + "boards = 'nucleo'\n", commit=C)
    await world.receive(push(world, A))
    rules(world, filtered(facts), commit="e" * 40)
    await world.receive(push(world, B))

    assert await handed_out(world, B) == {"lab"}
    assert [state for state, _ in await world.job_states(A)] == ["queued"]


async def test_a_kind_of_machine_that_no_agent_is_is_an_error_that_names_those_there_are(world, agent):
    rules(world, filtered({"platform": "haiku"}))
    await world.receive(push(world))

    [broken] = await world.pipelines()
    known = machine()["platform"]
    assert broken.error.startswith(".rigline.toml:4: There is no builder whose platform is 'haiku'.")
    assert broken.error.endswith(f"Known: {known}.")
