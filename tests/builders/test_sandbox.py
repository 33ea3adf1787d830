"""Code that cannot escape: hostile scripts in real jobs of one real agent, and the job after each finds nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from builders import isolation
from builders.protocol import Level
from tests.builders.conftest import Lab, Project, gone
from tests.builders.fake_service import TOKEN, Attempt, FakeService
from tests.builders.hostile import FIRST, SCRIPTS, Hostile

PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
SECRET = TOKEN.partition(".")[2]


class Trap:
    """A lab with what a hostile script could want, and how it is found out whether it got it."""

    def __init__(self, folder: Path, service: FakeService) -> None:
        self.service, self.lab, self.project = service, Lab(folder / "lab", service), Project(folder / "project")
        self.ttys = [os.openpty() for _ in range(2)]
        self.folder, self.heard = folder, list[str]()
        self.canaries = folder / "canaries"
        self.canaries.mkdir()
        (self.canaries / "bird").write_text("alive")
        (folder / "token").write_text(TOKEN)
        self.servers: list[asyncio.Server] = []
        self.agent: asyncio.subprocess.Process

    async def open(self) -> None:
        for number, (_, end) in enumerate(self.ttys, 1):
            (self.folder / f"tty{number}").symlink_to(os.ttyname(end))
        self.redis = await self._listen(asyncio.start_server(self._hear, "127.0.0.1", 0))
        await self._listen(asyncio.start_unix_server(self._hear, self.folder / "pg"))
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0rigline-{os.getpid()}")
        await self._listen(asyncio.start_unix_server(self._hear, sock=abstract))
        self._configure()
        secrets = {"WIFI": SECRET, "DEPLOY": SECRET, "RIGLINE_BUILDER_TOKEN_FILE": str(self.folder / "token")}
        self.agent = await self.lab.connect(PATH=PATH, RIGLINE_BUILDER_TOKEN="", **secrets)

    async def _listen(self, starting: object) -> int:
        server = await starting  # type: ignore[misc]
        self.servers.append(server)
        name = server.sockets[0].getsockname()
        return name[1] if isinstance(name, tuple) else 0

    async def _hear(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append("a connection")
        writer.close()

    def _configure(self) -> None:
        board = (
            '[[boards]]\nname = "b{0}"\ndevices = ["{1}/tty{0}"]\n[[boards.configurations]]\nname = "c"\n'
            'build = ["sh", "build.sh"]\nrun = ["sh", "run.sh"]\n'
            'environment = {{ MODE = "fast", DEPLOY_TOKEN = "{2}" }}\nlimits = {{ build = {3}, grace = 0.3 }}\n'
        )
        boards = "".join(board.format(number, self.folder, SECRET, limit) for number, limit in ((1, 20), (2, 2)))
        head = 'environment = ["WIFI", "DEPLOY"]'
        self.lab.config(boards, head=head, sandbox="processes = 60\ndisk_mib = 32\n")

    def commit(self, hostile: Hostile, mark: str) -> str:
        files = {"build.sh": FIRST + hostile.build, "run.sh": hostile.run, "plain.txt": "plain\n", **hostile.files}
        for each in self.project.path.iterdir():
            if each.name != ".git":
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        for name, text in files.items():
            (self.project.path / name).write_text(self._filled(text, mark))
        if (self.project.path / ".git" / "refs" / "heads" / "main").exists():
            self.project.git("update-ref", "-d", "HEAD")  # what git refuses must be no part of the next history
        return self.project.commit("Escape")

    def _filled(self, text: str, mark: str) -> str:
        work = self.lab.folder / "state" / "work"
        known = {
            **{"MARK": mark, "AGENT": self.agent.pid, "WEB": self.service.port, "REDIS": self.redis, "SECRET": SECRET},
            **{"ABSTRACT": f"rigline-{os.getpid()}", "POSTGRES": self.folder / "pg", "LAB": self.lab.folder},
            **{"TOKEN_FILE": self.folder / "token", "CONFIG": self.lab.folder / "builder.toml"},
            **{"CANARY": self.canaries / "new", "CANARY_FOLDER": self.canaries, "OTHER": self.canaries / "bird"},
            **{"TTY1": self.folder / "tty1", "TTY2": self.folder / "tty2", "TREES": work / "trees"},
        }
        for name, value in known.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    async def job(self, commit: str, *, board: str = "b1", trusted: bool = False, **also: str) -> Attempt:
        attempt = await self.service.job(self.project.source(commit, **also), board, "c", trusted=trusted)
        with contextlib.suppress(TimeoutError):
            await attempt.ended(timeout=30)
        assert attempt.finish is not None, attempt.text + self.lab.said[-2000:]
        return attempt

    def read_tty(self, number: int) -> bytes:
        os.set_blocking(self.ttys[number - 1][0], False)
        try:
            return os.read(self.ttys[number - 1][0], 4096)
        except BlockingIOError:
            return b""

    async def close(self) -> None:
        await self.lab.close()
        for server in self.servers:
            server.close()
        for each in self.ttys:
            for end in each:
                os.close(end)


@pytest.fixture(scope="module")
async def trap(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trap]:
    """One agent for all the scripts: what one of them breaks, the next one finds."""
    async with FakeService() as service:
        trap = Trap(tmp_path_factory.mktemp("trap"), service)
        await trap.open()
        yield trap
        await trap.close()


def test_this_machine_has_a_sandbox() -> None:
    assert isolation.examine().level in (Level.NAMESPACES, Level.CGROUP), isolation.examine().problem


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_hostile_script_is_contained_and_the_next_job_finds_nothing_of_it(trap: Trap, name: str) -> None:
    hostile, mark = SCRIPTS[name], f"3{list(SCRIPTS).index(name):03}"
    commit = trap.commit(hostile, mark)

    attempt = await trap.job(commit, board="b2" if hostile.outcome == "timed_out" else "b1")

    assert attempt.finish is not None
    assert attempt.finish.outcome == hostile.outcome, attempt.text
    assert hostile.reason in attempt.finish.reason
    assert "ESCAPED" not in attempt.text and "LEFT" not in attempt.text, attempt.text
    assert SECRET not in attempt.text and TOKEN.encode() not in b"".join(attempt.results.values())
    assert all(each in attempt.text for each in hostile.says), attempt.text
    await gone(f"sleep {mark}")
    assert trap.agent.returncode is None and trap.heard == []
    assert [each.name for each in trap.canaries.iterdir()] == ["bird"]
    assert b"ESCAPED" not in trap.read_tty(1) + trap.read_tty(2)
    assert not list((trap.lab.folder / "state" / "work" / "untrusted" / "trees").glob("*/*"))
    assert not (trap.lab.folder / "state" / "jobs" / str(attempt.lease.attempt_id) / "tmp").exists()


async def test_after_all_of_them_a_trusted_job_is_clean_and_has_its_board(trap: Trap) -> None:
    commit = trap.commit(Hostile("echo built > built", run="cat built > @TTY1@; cat built; ls -A ~"), "3999")

    attempt = await trap.job(commit, trusted=True)
    again = await trap.job(commit, trusted=True)

    assert attempt.finish is not None and attempt.finish.outcome == "passed", attempt.text
    assert "LEFT" not in attempt.text and "built" in attempt.text
    assert "sandboxed with a network" in attempt.text
    assert b"built" in trap.read_tty(1) and trap.read_tty(2) == b""
    assert "LEFT in the tree: built" in again.text  # a trusted tree is incremental
    mirrors = trap.lab.folder / "state" / "work" / "untrusted" / "mirrors"
    for mirror in mirrors.iterdir():
        assert os.system(f"git -C {mirror} fsck --full --strict >/dev/null 2>&1") == 0


async def test_an_untrusted_job_shares_neither_tree_nor_mirror_nor_home_with_trusted_ones(trap: Trap) -> None:
    trusted = trap.commit(Hostile("echo cached > ~/cache; echo DONE"), "3999")
    await trap.job(trusted, trusted=True)

    attempt = await trap.job(trap.commit(Hostile("cat ~/cache && echo ESCAPED; echo DONE"), "3999"))

    assert "ESCAPED" not in attempt.text and "DONE" in attempt.text


async def test_build_files_are_taken_from_the_base_and_not_from_the_fork(trap: Trap) -> None:
    build = "cat tool/make.sh other.txt; ls tool; echo END"
    base = trap.commit(Hostile(build, files={"other.txt": "base\n"}), "3999")
    (trap.project.path / "tool").mkdir()
    base = trap.project.commit("Build", **{"tool/make__sh": "trusted\n"})
    (trap.project.path / "tool" / "evil.sh").write_text("evil")
    fork = trap.project.commit("Change the build", **{"tool/make__sh": "evil\n", "other__txt": "fork\n"})
    source = trap.project.source(fork)
    source = type(source)(**{**vars(source), "base": base, "trusted_files": ["tool/**"]})

    attempt = await trap.service.job(source, "b1", "c", trusted=False)
    await attempt.ended()

    assert "trusted\nfork\nmake.sh\nEND" in attempt.text
    assert "evil" not in attempt.text


async def test_without_a_known_base_nothing_is_built_that_asks_for_trusted_files(trap: Trap) -> None:
    source = trap.project.source(trap.commit(Hostile("echo ESCAPED"), "3999"))
    source = type(source)(**{**vars(source), "trusted_files": ["tool/**"]})

    attempt = await trap.service.job(source, "b1", "c", trusted=False)
    finish = await attempt.ended()

    assert finish.outcome == "errored" and "base" in finish.reason
    assert "ESCAPED" not in attempt.text
