"""`rigline-builder reproduce`: a job of the service done again on a lab machine."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from app.db.queries import pipelines
from app.db.session import engine
from app.settings import Settings
from tests.api.service import Service, running
from tests.builders.conftest import ROOT, Project
from tests.builders.git_server import GitServer

BUILDER = """
version = 1
[builder]
state_dir = "state"
environment = ["BOARD_TOKEN"]
[[boards]]
name = "b1"
type = "desk"
[[boards.configurations]]
name = "fast"
build = ["sh", "-c", "cat hello.txt; echo $BOARD_TOKEN; echo level=$RIGLINE_ARG_LEVEL"]
run = ["sh", "-c", "echo 42 > $RIGLINE_RESULTS; exit $(cat status.txt)"]
"""


async def reproduce(service: Service, folder: Path, job: int, *more: str) -> tuple[int | None, str, str]:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "BOARD_TOKEN": "token-of-the-board",
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "builders.cli", "--config", str(folder / "builder.toml")),
        *("reproduce", str(job), "--server", service.url, *more),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode, out.decode(), err.decode()


async def by_preset(service: Service, remote: str, commit: str) -> dict[str, Any]:
    """Ask for a run by a preset with an argument."""
    work = {"kind": "run", "remote_url": remote, "commit": "{commit}", "configurations": ["fast"]}
    wanted = {"name": "loud", "work": work, "arguments": {"commit": {}, "level": {"default": "debug; touch here"}}}
    (await service.local.post("/presets", json=wanted)).raise_for_status()
    opened = await service.local.post("/presets/loud/dispatch", json={"arguments": {"commit": commit}})
    found: dict[str, Any] = opened.raise_for_status().json()
    return found


async def test_a_job_is_done_again_here_with_its_log_on_the_terminal(settings: Settings, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    commits = [project.commit(hello__txt="hello from the commit", status__txt=status) for status in ("0", "3")]
    (tmp_path / "builder.toml").write_text(BUILDER)
    with GitServer(tmp_path) as git:
        allowed = settings.model_copy(update={"allowed_remotes": (f"{git.url}/",)})
        async with running(allowed) as service:
            await service.builder("shelf", desk=["fast", "slow"])
            remote = f"{git.url}/project/.git"
            opened = [
                await by_preset(service, remote, commits[0]),
                await service.dispatch(remote_url=remote, commit=commits[1], configurations=["fast"]),
            ]
            other = await service.dispatch(remote_url=remote, commit=commits[0], configurations=["slow"])
            good, bad = [await reproduce(service, tmp_path, each["jobs"][0]["id"]) for each in opened]
            lacking = await reproduce(service, tmp_path, other["jobs"][0]["id"])
            unknown = await reproduce(service, tmp_path, 99999)

    assert good[0] == 0, good[2]
    assert "hello from the commit" in good[1] and "[rigline] result 0: 3 bytes\n42\n" in good[1]
    assert "level=debug; touch here\n" in good[1]  # a preset's argument, which no shell has read
    assert "token-of-the-board" not in good[1] and "[masked]" in good[1]
    assert "here: passed" in good[2]
    assert bad[0] == 1 and "here: failed, run: exit status 3" in bad[2]
    assert lacking[0] == 1 and "no configuration named 'slow'" in lacking[2]
    assert unknown[0] == 1 and "There is no job 99999." in unknown[2]


async def test_a_forks_job_is_done_again_with_the_bases_build_files(settings: Settings, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    base = project.commit(hello__txt="hello from the base", status__txt="0")
    fork = project.commit(hello__txt="hello from the fork", status__txt="0")
    (tmp_path / "builder.toml").write_text(BUILDER)
    with GitServer(tmp_path) as git:
        allowed = settings.model_copy(update={"allowed_remotes": (f"{git.url}/",)})
        async with running(allowed) as service:
            await service.builder("shelf", desk=["fast"])
            opened = await service.dispatch(remote_url=f"{git.url}/project/.git", commit=fork)
            ruled = {"from_fork": True, "base": base, "trusted_files": ["hello.txt"]}
            made = engine(settings.database_url)
            async with made.begin() as db:
                await pipelines.change(db, opened["id"], **ruled)
            await made.dispose()
            done = await reproduce(service, tmp_path, opened["jobs"][0]["id"])

    assert done[0] == 0, done[2]
    assert "hello from the base" in done[1] and "hello from the fork" not in done[1]
