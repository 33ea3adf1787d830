"""A builder over time: its configuration changes, its disk fills, it is drained."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from builders.protocol import DISK_FLOOR, Outcome
from builders.pruning import prune
from tests.builders.conftest import ROOT, Lab, Project, processes
from tests.builders.fake_service import FakeService


async def said(lab: Lab, text: str) -> None:
    async with asyncio.timeout(60):
        while text not in lab.said:
            await asyncio.sleep(0.02)


async def command(lab: Lab, *words: str) -> tuple[int | None, str]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "builders.cli", "--config", str(lab.folder / "builder.toml"), *words),
        env={"PATH": os.environ["PATH"], "HOME": str(lab.folder), "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(child.communicate(), 30)
    return child.returncode, out.decode()


async def test_a_changed_configuration_counts_for_new_jobs_and_a_bad_one_for_none(
    lab: Lab, service: FakeService, project: Project
) -> None:
    build = f"echo old; while ! test -e {lab.folder}/go; do sleep 0.02; done"
    lab.board(build=build, run="echo $RIGLINE_BOARD $RIGLINE_CONFIGURATION ends")
    await lab.connect()
    commit = project.commit()
    running = await service.job(project.source(commit), "b1", "c1")
    await running.logged("old")

    lab.script("new.sh", "echo new")
    text = (lab.folder / "builder.toml").read_text()
    (lab.folder / "builder.toml").write_text(
        text.replace('"c1"', '"c2"').replace("run.sh", "new.sh").replace("b1", "b2")
    )
    await service.until(lambda: len(service.hellos) == 2)
    (lab.folder / "builder.toml").write_text("version = [")
    await service.until(lambda: len(service.hellos) == 3)
    (lab.folder / "go").touch()
    await running.ended()
    after = await service.job(project.source(commit), "b2", "c2")
    await after.ended()

    assert running.finish is not None and running.finish.outcome is Outcome.PASSED
    assert "b1 c1 ends" in running.text
    assert (after.finish and after.finish.outcome, "new\n" in after.text) == (Outcome.PASSED, True)
    assert [(each.boards[0].name, each.boards[0].configurations[0].name) for each in service.hellos] == [
        ("b1", "c1"),
        ("b2", "c2"),
        ("b2", "c2"),
    ]
    assert [hello.problem.partition(": ")[0] for hello in service.hellos] == [
        "",
        "",
        "The configuration stays as it was",
    ]
    assert "not valid TOML" in service.hellos[2].problem and "not valid TOML" in lab.said


async def test_a_corrected_file_takes_the_problem_back(lab: Lab, service: FakeService) -> None:
    file = lab.board()
    good = file.read_text()
    await lab.connect()

    file.unlink()
    await service.until(lambda: len(service.hellos) == 2)
    file.write_text(good)
    await service.until(lambda: len(service.hellos) == 3)

    assert "cannot be read" in service.hellos[1].problem
    assert service.hellos[2].problem == ""


async def test_a_board_that_another_builder_has_is_not_taken_over_by_a_change(
    lab: Lab, service: FakeService, project: Project
) -> None:
    file = lab.board()
    agent = await lab.connect()

    service.fault("PUT .*/builders/me$", (409, "board_in_use"))
    file.write_text(file.read_text().replace('"b1"', '"b2"'))
    await service.until(lambda: len(service.hellos) == 2)
    attempt = await service.job(project.source(project.commit()), "b1", "c1")

    assert (await attempt.ended()).outcome is Outcome.PASSED
    assert [each.name for each in service.hellos[1].boards] == ["b1"]
    assert service.hellos[1].problem == "The configuration stays as it was: scripted"
    assert agent.returncode is None


async def test_drain_lets_the_job_finish_and_ends_the_agent(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run=f"echo begun; while ! test -e {lab.folder}/go; do sleep 0.02; done; echo done by itself")
    agent = await lab.connect()
    commit = project.commit()
    attempt = await service.job(project.source(commit), "b1", "c1")
    await attempt.logged("begun")

    draining = asyncio.create_task(command(lab, "drain"))
    await said(lab, "draining: b1 still at work")
    waiting = await service.job(project.source(commit), "b1", "c1")
    assert (await command(lab, "drain", "--no-wait"))[0] == 0
    (lab.folder / "go").touch()

    assert await draining == (0, "The agent has ended.\n")
    assert await asyncio.wait_for(agent.wait(), 10) == 0
    assert attempt.finish is not None and attempt.finish.outcome is Outcome.PASSED
    assert "done by itself" in attempt.text
    assert waiting in service.waiting
    status, text = await command(lab, "drain")
    assert (status, "nothing to drain" in text) == (1, True)


async def test_a_service_that_drains_the_builder_ends_its_agent(lab: Lab, service: FakeService) -> None:
    lab.board()
    service.fault("POST .*/claim$", (409, "drained"))

    agent = await lab.connect()

    assert await asyncio.wait_for(agent.wait(), 10) == 0


PATCHED = """
import errno, os
from builders import checkout, logs
write, room = os.pwrite, int(os.environ["LOG_ROOM"])
def pwrite(file, data, at):
    if at > room:
        raise OSError(errno.ENOSPC, "No space left on device")
    return write(file, data, at)
logs.os.pwrite = pwrite
checkout.FULL = int(os.environ["FULL"])
from builders.cli import main
main()
"""


@pytest.mark.parametrize(
    ("build", "full", "room"),
    [("echo some; exit 1", 1 << 60, 1 << 60), ("seq 1 100000; sleep 4391", 0, 5000)],
    ids=["the script fails and no room is left", "the log itself has no room"],
)
async def test_a_full_disk_is_not_the_commits_fault(
    lab: Lab, service: FakeService, project: Project, build: str, full: int, room: int
) -> None:
    lab.board(build=build)
    await lab.start(code=PATCHED, FULL=str(full), LOG_ROOM=str(room))

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith("infra:disk ")
    assert len(attempt.log) == finish.log_size
    assert processes("sleep 4391") == []


def laid(work: Path, *trees: str) -> None:
    for age, name in enumerate(trees):
        for folder in (work / "trees" / name, work / "mirrors" / f"{name.partition('/')[2]}.git"):
            (folder / ".git" if "trees" in str(folder) else folder).mkdir(parents=True, exist_ok=True)
            head = folder / (".git/HEAD" if "trees" in str(folder) else "HEAD")
            head.touch()
            os.utime(head, (age, age))


def test_the_trees_that_were_not_used_for_the_longest_time_make_room(tmp_path: Path) -> None:
    laid(tmp_path, "b1/old", "b2/busy", "b1/new")
    free = iter([0, 0, DISK_FLOOR])

    removed = prune(tmp_path, DISK_FLOOR, ["b2"], lambda: next(free, DISK_FLOOR))

    assert removed == [tmp_path / "trees" / "b1" / "old", tmp_path / "trees" / "b1" / "new"]
    assert (tmp_path / "trees" / "b2" / "busy").exists() and (tmp_path / "mirrors" / "old.git").exists()


def test_a_mirror_goes_only_when_no_tree_reads_it(tmp_path: Path) -> None:
    laid(tmp_path, "b1/one", "b1/two")
    looks = iter([0, 0, 0])

    removed = prune(tmp_path, DISK_FLOOR, [], lambda: next(looks, DISK_FLOOR))

    assert [each.relative_to(tmp_path).as_posix() for each in removed] == [
        "trees/b1/one",
        "trees/b1/two",
        "mirrors/one.git",
    ]


def test_trees_of_untrusted_code_make_room_too(tmp_path: Path) -> None:
    laid(tmp_path / "untrusted", "b1/fork")
    laid(tmp_path, "b1/own")
    looks = iter([0])

    removed = prune(tmp_path, DISK_FLOOR, [], lambda: next(looks, DISK_FLOOR))

    assert len(removed) == 1
    assert prune(tmp_path, DISK_FLOOR, [], lambda: 0)[-2:] != []
    assert not list(tmp_path.glob("**/trees/*/*")) and not list(tmp_path.glob("**/mirrors/*"))


def test_with_room_enough_nothing_is_removed(tmp_path: Path) -> None:
    laid(tmp_path, "b1/one")

    assert prune(tmp_path, DISK_FLOOR, [], lambda: DISK_FLOOR) == []
