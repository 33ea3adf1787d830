"""What `rigline compare` prints and how it ends, before a real service and a builder that does what the test says."""

import asyncio
import sys

import pytest
import sqlalchemy as sa

from app.db.queries import repositories, tokens, users
from app.db.tables import repository
from app.rights import Role
from app.tasks.catalogue import ingest_result
from tests.acceptance import processes
from tests.acceptance.processes import Ended
from tests.dispatch.test_comparisons import measured
from tests.dispatch.world import COMMIT, World, offer

BASE = "ba5e" + 36 * "0"
RIGLINE = (sys.executable, "-m", "app.cli")


async def compared(world: World, *words: str, slower: float, outcome: str = "passed") -> Ended:
    """Run the command; a builder meanwhile claims the job, measures 16 pairs, and ends."""
    async with world.deps.begin() as db:
        user_id = await users.add(db, "ada", password_hash=None, role=Role.COMMITTER)
        made = await tokens.add(db, user_id, "test", lifetime=None)
        known = sa.insert(repository).values(forge="git", full_name="acme/app", clone_url="https://git.example/app.git")
        await db.execute(known.values(default_branch="main", private=False))
        assert made is not None and await repositories.by_name(db, "acme/app") is not None
    lab = await world.builder("lab", offer("nucleo", compares=True))
    asked = ("compare", BASE.upper(), COMMIT, "--repository", "acme/app", "--quiet", *words)
    env = {"RIGLINE_URL": world.address, "RIGLINE_TOKEN": made[1]}
    running = asyncio.create_task(processes.command(*RIGLINE, *asked, env=env))
    async with asyncio.timeout(60):
        while (lease := await lab.claim(wait_s=5.0)) is None:
            pass
    assert (await lab.beat(lease)).status_code == 200
    told = await measured(lab, lease, 17, slower=slower)
    assert (await lab.look(lease, 16, told)).status_code == 200
    log = b"no such header\n"
    assert (await lab.log(lease, 0, log)).status_code == 200
    ended = await lab.finish(lease, outcome, log=log, results=told, reason="" if outcome == "passed" else "run: no")
    assert ended.status_code == 200, ended.text
    await ingest_result(lease.attempt_id, world.deps)
    return await running


@pytest.mark.parametrize(("words", "status"), [((), 0), (("--fail-on-regression",), 1)])
async def test_it_prints_verdict_change_and_interval_and_fails_only_if_it_is_told_to(
    world: World, words: tuple[str, ...], status: int
) -> None:
    said = await compared(world, "--board", "nucleo", *words, slower=1.2)

    assert said.status == status, said.err
    [row] = [line for line in said.out.splitlines() if "boot" in line and "time" in line]
    assert "egressed" in said.out and "+20.0 %" in row, said.out


async def test_a_job_that_did_not_pass_is_named_with_its_reason(world: World) -> None:
    said = await compared(world, slower=1.0, outcome="failed")

    assert said.status == 1
    assert "nucleo/fast failed: run: no" in said.out
    assert "the job ended failed" in said.out  # what the look had said stays, with this beside it


async def test_it_wants_one_repository_and_a_number_of_pairs_that_can_decide(world: World) -> None:
    env = {"RIGLINE_URL": world.address}
    none = await processes.command(*RIGLINE, "compare", BASE, COMMIT, env=env)
    few = await processes.command(*RIGLINE, "compare", BASE, COMMIT, "--repository", "a/b", "--pairs", "4", env=env)

    assert (none.status, few.status) == (2, 2)
    assert "Give either --remote-url or --repository" in none.err
