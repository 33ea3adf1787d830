"""Clocks that are hours apart: the database's decides, whatever web, sweeper and agent believe."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app.db.queries import builders
from app.db.tables import attempt, pipeline, repository
from tests.builders.conftest import ROOT, Lab, Project
from tests.dispatch.test_faults import address_of, child_web
from tests.dispatch.test_frozen import says, sweeper
from tests.dispatch.world import World

HOUR = 3600
SHIFTED = Path(__file__).with_name("shifted")
BOARD = (
    '[[boards]]\nname = "nucleo"\n[[boards.configurations]]\nname = "fast"\nbuild = "true"\nrun = "scripts/run.sh"\n'
)
SEEN = sa.text("SELECT extract(epoch FROM lease_until - now()) FROM attempt")


def wrong_by(seconds: int) -> dict[str, str]:
    return {"PYTHONPATH": f"{SHIFTED}:{ROOT}", "RIGLINE_TEST_CLOCK_S": str(seconds)}


def test_a_moved_clock_is_seen_by_whoever_asks() -> None:
    code = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"
    clocks = [
        subprocess.run([sys.executable, "-c", code], env=wrong_by(by), capture_output=True, check=True, text=True)
        for by in (0, HOUR)
    ]
    before, after = ([float(each) for each in clock.stdout.split()] for clock in clocks)

    assert [round((late - early) / HOUR) for early, late in zip(before, after, strict=True)] == [1, 1, 0]


async def test_no_lease_is_lost_and_durations_are_right_when_clocks_are_hours_apart(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, gate = Project(tmp_path / "project"), tmp_path / "gate"
    for name, value in wrong_by(+HOUR).items():
        monkeypatch.setenv(name, value)
    with child_web(world.settings, tmp_path) as (process, told):
        lab = Lab(tmp_path / "lab", SimpleNamespace(url=await address_of(process, told), hellos=[]))  # type: ignore[arg-type]
        sweeping = await world.stack.enter_async_context(sweeper(world.settings, tmp_path, 20))
        job_id = await real_job(world, project)
        try:
            await agent(world, lab, f"until [ -e {gate} ]; do sleep 0.05; done")
            await world.is_in_state(job_id, "running")
            await says(sweeping, b"swept")
            await says(sweeping, b"swept")
            async with world.deps.begin() as db:
                left_s = float(await db.scalar(SEEN))
            gate.touch()
            await world.is_in_state(job_id, "passed")
        finally:
            await lab.close()

    [only] = await world.attempts(job_id)
    phases = {each["phase"]: each["seconds"] for each in only.phases}
    assert 0 < left_s <= 45
    assert 0 < (only.ended_at - only.opened_at).total_seconds() < 60
    assert all(0 <= seconds < 60 for seconds in phases.values()), phases
    async with world.deps.begin() as db:
        age = sa.func.max(sa.func.abs(sa.extract("epoch", sa.func.now() - attempt.c.ended_at)))
        assert float(await db.scalar(sa.select(age)) or HOUR) < 60


async def real_job(world: World, project: Project) -> int:
    pipeline_id = await world.pipeline(commit=project.commit())
    mine = sa.select(pipeline.c.repository_id).where(pipeline.c.id == pipeline_id).scalar_subquery()
    there = {"clone_url": f"file://{project.path}"}
    await world.execute(sa.update(repository).where(repository.c.id == mine).values(there))
    return await world.queued(pipeline_id=pipeline_id)


async def agent(world: World, lab: Lab, run: str) -> None:
    """Start an agent whose clock is an hour late."""
    lab.script("run.sh", run)
    lab.config(BOARD)
    async with world.deps.begin() as db:
        builder_id, secret = await builders.create(db, "late")
    token = f"rlb_{builder_id}.{secret}"
    await lab.start(RIGLINE_BUILDER_ID=str(builder_id), RIGLINE_BUILDER_TOKEN=token, **wrong_by(-HOUR))
