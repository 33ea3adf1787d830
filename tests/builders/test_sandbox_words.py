"""What a sandbox is told to show: where the agent may not look everywhere, and after jobs that left links."""

from __future__ import annotations

import ctypes
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders import mount_points
from builders.config import load
from builders.environment import Scene
from builders.isolation import Isolation
from builders.process import Command
from builders.protocol import Kind, Lease, Phase, Source
from builders.sandbox import Room, Sandbox

BOARD = '[[boards]]\nname = "b"\n[[boards.configurations]]\nname = "c"\nbuild = "true"\nrun = "true"\n'
NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="rigline-words-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def as_nobody(call: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Call something with an ordinary user's rights to files: setfsuid(2) is for one thread, and needs no way back."""
    said: list[tuple[str, ...] | BaseException] = []

    def work() -> None:
        ctypes.CDLL(None).setfsuid(NOBODY)
        try:
            said.append(call())
        except BaseException as problem:
            said.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(said[0], BaseException):
        raise said[0]
    return said[0]


def words(folder: Path, path: str) -> tuple[str, ...]:
    """Say what bubblewrap is told for a build with a PATH."""
    (folder / "builder.toml").write_text(f"version = 1\n{BOARD}")
    config = load(folder / "builder.toml")
    source = Source(repository="r", name="r", url="file:///r", commit="0" * 40)
    lease = Lease(attempt_id=1, job_id=1, pipeline_id=1, epoch=1, board="b", configuration="c", kind=Kind.RUN,
                  source=source)  # fmt: skip
    place = {name: folder / name for name in ("home", "temporary", "out", "socket", "tree")}
    for each in place.values():
        each.mkdir(exist_ok=True)
    tree = place.pop("tree")
    scene = Scene(config=config, configuration=config.boards[0].configurations[0], lease=lease, tree=tree,
                  results=tree / "r", socket=place["socket"] / "s")  # fmt: skip
    sandbox = Sandbox(config, Isolation(bwrap=Path("/usr/bin/bwrap")))
    wanted = Command(argv=("true",), cwd=tree, env={"PATH": path})
    return as_nobody(lambda: sandbox.caged(wanted, scene, Room(**place), Phase.BUILD).cage.sandbox)


def test_a_folder_of_path_that_the_agent_may_not_look_at_is_passed_over(folder: Path) -> None:
    for name in ("shut/bin", "tools/bin"):
        (folder / name).mkdir(parents=True)
    (folder / "shut").chmod(0)

    told = words(folder, f"{folder}/shut/bin:{folder}/tools/bin:/usr/bin")

    assert str(folder / "tools") in told
    assert not [each for each in told if "shut" in each]


def test_links_and_files_on_the_way_to_a_mount_are_removed_and_nothing_beside_it(tmp_path: Path) -> None:
    outside = tmp_path / "of the job"
    elsewhere = tmp_path / "elsewhere"
    for each in (outside / "a", elsewhere):
        each.mkdir(parents=True)
    (elsewhere / "bird").write_text("alive")
    (outside / "a" / "b").symlink_to(elsewhere)
    (outside / "a" / "kept").symlink_to(elsewhere)
    (outside / "file").write_text("in the way of a folder")

    mount_points.clear([Path("/tmp/a/b/bird"), Path("/tmp/file/x"), Path("/usr/a")], Path("/tmp"), outside)

    assert sorted(each.name for each in outside.iterdir()) == ["a"]
    assert [each.name for each in (outside / "a").iterdir()] == ["kept"]
    assert (elsewhere / "bird").read_text() == "alive"
