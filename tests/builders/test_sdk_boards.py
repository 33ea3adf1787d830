"""The help for scripts that drive boards: programs, serial lines, ssh; and the examples that use it."""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.protocol import Kind, Outcome, Source
from builders.sdk import rigline_boards
from builders.sdk.rigline_boards import BoardError, Program, SerialLine, SshHost
from tests.builders.conftest import Lab, Project, gone, processes
from tests.builders.fake_service import FakeService

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


class Pair:
    """A pseudo terminal: the test is the board."""

    def __init__(self) -> None:
        self.board, self.console = os.openpty()
        self.device = os.ttyname(self.console)

    def says(self, text: str) -> None:
        os.write(self.board, text.encode())

    def unplug(self) -> None:
        for each in (self.board, self.console):
            os.close(each)
        self.board = self.console = -1


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    if pair.board >= 0:
        pair.unplug()


def test_a_script_talks_to_a_board_line_by_line(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    with SerialLine(pair.device) as board:
        pair.says("booting\r\nready in 31 ms\r\n")
        found = board.wait_for(r"ready in (\d+) ms", timeout=5)
        board.send("bench\n")
        heard = os.read(pair.board, 100)
        pair.says("a: 1\r\nb: 2\r\n=== END\r\nprompt> ")
        lines = board.capture("=== END", timeout=5)

    assert (found[1], heard, lines) == ("31", b"bench\n", ["a: 1", "b: 2"])
    assert capsys.readouterr().out == "booting\nready in 31 ms\na: 1\nb: 2\n=== END\n"


def test_a_board_that_says_something_else_is_not_waited_for_for_ever(pair: Pair) -> None:
    with SerialLine(pair.device) as board:
        pair.says("booting\nhalf a li")
        with pytest.raises(BoardError, match=r"did not say 'ready' within 0.2 s.*half a li"):
            board.wait_for("ready", timeout=0.2)


def test_a_board_that_is_unplugged_ends_the_wait(pair: Pair) -> None:
    with SerialLine(pair.device) as board:
        pair.says("booting\n")
        pair.unplug()
        with pytest.raises(BoardError, match="ended without saying 'ready'"):
            board.wait_for("ready", timeout=5)


def test_a_serial_line_has_one_reader(pair: Pair) -> None:
    with SerialLine(pair.device), pytest.raises(BoardError, match="in use"):
        SerialLine(pair.device)
    SerialLine(pair.device).close()


@pytest.mark.parametrize(("device", "said"), [("/nonexistent", "cannot be opened"), (__file__, "no serial line")])
def test_what_is_no_serial_line_is_refused_in_words(device: str, said: str) -> None:
    with pytest.raises(BoardError, match=said):
        SerialLine(device)


async def test_a_program_is_read_fed_and_ended_with_all_it_started() -> None:
    mark = f"sleep 98{os.getpid()}"  # ours alone
    emulator = f'{mark} & echo booting; echo "login:"; read name; echo "hello $name"; {mark}'

    with Program(["sh", "-c", emulator]) as running:
        running.wait_for("^login:", timeout=5)
        running.send("rig\n")
        assert running.line(timeout=5) == "hello rig"
        assert processes(mark)

    await gone(mark)


def test_a_program_that_refuses_to_end_is_killed() -> None:
    with Program(["sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.05; done"]) as running:
        running.wait_for("on", timeout=5)
        running.stop(grace=0.2)

    assert running.process.returncode == -9


@pytest.mark.parametrize(("command", "status"), [("exit 0", 0), ("echo last words; exit 3", 3), ("kill -9 $$", -9)])
def test_a_programs_exit_status_is_told(command: str, status: int) -> None:
    with Program(["sh", "-c", command]) as running:
        assert running.wait(timeout=5) == status


def test_a_program_that_does_not_end_in_time_is_an_error() -> None:
    with Program(["sleep", "987"]) as running, pytest.raises(BoardError):
        running.wait(timeout=0.1)


def test_a_program_that_is_missing_is_said_so() -> None:
    with pytest.raises(BoardError, match="cannot be started: No such file"):
        Program(["/nonexistent/qemu"])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SshHost:
    """A machine behind an ssh that only looks at its last argument: the command runs here."""
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$*" >> "$SSH_SAID"\nfor last; do :; done\nexec sh -c "$last"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SSH_SAID", str(tmp_path / "said"))
    return SshHost("pi@shelf.lab", ["-p", "2222"])


def test_a_machine_behind_ssh_gets_files_runs_them_and_gives_results(
    host: SshHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there with 'quotes'"
    there.mkdir()
    (tmp_path / "benchmark").write_text('#!/bin/sh\necho measured; echo 42 > "$(dirname "$0")/result"\n')

    host.copy(str(tmp_path / "benchmark"), f"{there}/benchmark", executable=True)
    host.run(f'"{there}/benchmark"', timeout=10)
    host.fetch(f"{there}/result", str(tmp_path / "result"))

    assert (tmp_path / "result").read_text() == "42\n"
    assert "measured" in capsys.readouterr().out
    assert sorted(each.name for each in there.iterdir()) == ["benchmark", "result"]
    first = (tmp_path / "said").read_text().splitlines()[0]
    assert "BatchMode=yes" in first and "-p 2222" in first and "StrictHostKeyChecking" not in first


def test_a_command_that_fails_there_is_an_error_here(host: SshHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BoardError, match="ended with 7"):
        host.run("exit 7", timeout=10)
    with pytest.raises(BoardError, match="ended with 1"):
        host.fetch(f"{tmp_path}/none", str(tmp_path / "result"))
    with pytest.raises(BoardError, match="longer than"):
        host.fetch(str(tmp_path / "pipe"), str(tmp_path / "result"), timeout=0.2)
    os.close(os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK))  # it was waited for indeed

    assert not (tmp_path / "result").exists()


def test_an_address_is_no_option() -> None:
    with pytest.raises(ValueError, match="no address"):
        SshHost("-oProxyCommand=evil")


def test_the_help_for_boards_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(rigline_boards.__file__).read_text())
    names = {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    names |= {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}

    assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names}


async def test_the_example_of_a_local_program_measures_it(lab: Lab, service: FakeService, project: Project) -> None:
    copied(lab, "local-process")
    commit = project.commit(Makefile="benchmark:\n\tcp source benchmark\n", source="#!/bin/sh\necho measured\n")
    await lab.connect()

    attempt = await service.job(project.source(commit), "this-machine", "release")
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (Outcome.PASSED, "")
    assert attempt.text.count("\nmeasured") == 5
    assert attempt.results[0].count(b"e-") + attempt.results[0].count(b"0.") >= 5


async def test_the_example_of_a_serial_line_measures_and_checks_its_board(
    lab: Lab, service: FakeService, project: Project
) -> None:
    console = lab.folder / "console"
    copied(lab, "serial", **{"/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0": str(console)})
    commit = project.commit(Makefile="firmware:\n\ttrue\n")
    words = (sys.executable, str(EXAMPLES / "serial" / "pretend-board"), str(console))
    board = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert board.stdout is not None
    await board.stdout.readline()
    await lab.connect()

    try:
        run = await service.job(project.source(commit), "nucleo-left", "release")
        ran = await run.ended()
        nowhere = Source(repository="", name="", url="", commit="")
        check = await service.job(nowhere, "nucleo-left", "health check", kind=Kind.HEALTH)
        checked = await check.ended()
    finally:
        board.kill()
        await board.wait()

    assert (ran.outcome, ran.reason) == (Outcome.PASSED, "")
    assert b'"samples": [812.5]' in run.results[0] and b'"name": "sort"' in run.results[0]
    assert checked.outcome is Outcome.PASSED
    assert "\npong" in check.text


def copied(lab: Lab, name: str, **words: str) -> None:
    """Copy an example into the lab, with other words; scripts run by this Python."""
    shutil.copytree(EXAMPLES / name, lab.folder, dirs_exist_ok=True)
    for script in (lab.folder / "scripts").iterdir():
        script.write_text(script.read_text().replace("#!/usr/bin/env python3", f"#!{sys.executable}"))
    text = (lab.folder / "builder.toml").read_text()
    for old, new in words.items():
        assert old in text
        text = text.replace(old, new)
    own = 'version = 1\n[builder]\nstate_dir = "state"\n[builder.sandbox]\nuse = "untrusted"'
    (lab.folder / "builder.toml").write_text(text.replace("version = 1", own))
