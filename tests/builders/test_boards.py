"""Boards as things: power, console and health check of a real pty, switched by real commands."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from builders.boards.serial import BoardTrouble, open_line
from builders.config import ConfigError, load
from builders.logs import JobLog
from builders.protocol import Cancel, CheckOffer, Kind, Outcome, Phase, Source
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import Attempt, FakeService, refuse
from tests.crowd import crowd

FIRMWARE = Path(__file__).with_name("firmware.py")
NOWHERE = Source(repository="", name="", url="", commit="")
MOST = 10.0  # seconds; of the 30 that a trouble may take to be told

POWER = """\
noted() {{ cat {diary} 2>&- | wc -l; }}
before=$(noted)
{switch} || exit
for try in $(seq 300); do  # until the board has noticed
  [ "$(noted)" -gt "$before" ] && exit
  sleep 0.01
done
"""


class Bench:
    """A lab with one board on a pty, which a command of the lab switches."""

    def __init__(self, lab: Lab, service: FakeService, project: Project) -> None:
        self.lab, self.service, self.project = lab, service, project
        self.console, self.diary = lab.folder / "console", lab.folder / "diary"
        self.board: asyncio.subprocess.Process

    async def plug(self, *lines: str) -> None:
        """Plug the board in, and teach it what to say when it is on."""
        words = (sys.executable, str(FIRMWARE), str(self.console), str(self.diary), *lines)
        self.board = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        assert self.board.stdout is not None
        assert await self.board.stdout.readline() == b"ready\n"
        switch = f"case $1 in on) kill -USR1 {self.board.pid};; off) kill -USR2 {self.board.pid};; esac"
        self.lab.script("power.sh", POWER.format(diary=self.diary, switch=switch))

    def configure(
        self, run: str = "true", serial: str = "", more: str = "", check: str = "true", **limits: float
    ) -> None:
        self.lab.script("check.sh", check)
        self.lab.board(
            run=run,
            more=f'[boards.power]\non = "scripts/power.sh on"\noff = "scripts/power.sh off"\n'
            f'[boards.serial]\ndevice = "{self.console}"\n{serial}\n'
            f'[boards.health]\ncheck = "scripts/check.sh {{board}}"\nlimit = 2\n{more}',
            **limits,
        )

    def change(self, old: str, new: str) -> None:
        """Change a word of the configuration."""
        file = self.lab.folder / "builder.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    async def job(self, **also: object) -> Attempt:
        await self.lab.connect()
        return await self.service.job(self.project.source(self.project.commit()), "b1", "c1", **also)

    async def check(self) -> Attempt:
        await self.lab.connect()
        return await self.service.job(NOWHERE, "b1", "health check", kind=Kind.HEALTH)

    @property
    def switched(self) -> list[str]:
        return self.diary.read_text().split() if self.diary.exists() else []

    async def close(self) -> None:
        if hasattr(self, "board") and self.board.returncode is None:
            self.board.kill()
            await self.board.wait()


@pytest.fixture
async def bench(lab: Lab, service: FakeService, project: Project) -> AsyncIterator[Bench]:
    bench = Bench(lab, service, project)
    yield bench
    await bench.close()


def spoken(attempt: Attempt) -> list[str]:
    """List what the console said according to the log, without the times."""
    return [line.split("] ", 1)[1] for line in attempt.text.splitlines() if line.startswith("[serial +")]


async def test_what_the_console_says_is_in_the_log_until_the_end_marker_and_the_board_is_off_again(
    bench: Bench,
) -> None:
    await bench.plug("booting", "temperature 31", "=== END 0 ===", "prompt>")
    bench.configure(run='cp "$RIGLINE_SERIAL_LOG" "$RIGLINE_RESULTS"; echo flashed', serial='end = "^=== END"')

    attempt = await bench.job()
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (Outcome.PASSED, "")
    assert spoken(attempt)[:3] == ["booting", "temperature 31", "=== END 0 ==="]
    assert "flashed" in attempt.text
    assert bench.switched == ["on", "off"]
    kept = bench.lab.folder / "state" / "jobs" / "1" / "out" / "serial.log"
    assert kept.read_bytes().startswith(b"booting\r\ntemperature 31\r\n")


async def test_a_script_may_read_the_console_while_it_runs(bench: Bench) -> None:
    await bench.plug("score 42", "done")
    bench.configure(
        run='until grep -q done "$RIGLINE_SERIAL_LOG"; do sleep 0.05; done; '
        'sed -n "s/score \\([0-9]*\\).*/\\1/p" "$RIGLINE_SERIAL_LOG" > "$RIGLINE_RESULTS"',
        serial='end = "done"',
    )

    attempt = await bench.job()
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED
    assert attempt.results == {0: b"42\n"}


async def test_the_copy_of_the_console_is_never_written_through_a_link_that_a_script_has_laid(bench: Bench) -> None:
    victim = bench.lab.folder / "victim"
    victim.write_text("precious")
    await bench.plug("booting", "=== END")
    bench.configure(run="true", serial='end = "=== END"')
    bench.lab.script("build.sh", f'ln -s {victim} "$(dirname "$RIGLINE_RESULTS")/serial.log"')

    finish = await (await bench.job()).ended()

    assert (finish.outcome, victim.read_text()) == (Outcome.PASSED, "precious")


async def test_a_script_that_goes_on_after_the_end_marker_is_stopped_and_the_run_is_good(bench: Bench) -> None:
    await bench.plug("=== END")
    bench.configure(run='echo "{}" > "$RIGLINE_RESULTS"; sleep 60', serial='end = "=== END"', grace=0.3)

    attempt = await bench.job()
    finish = await attempt.ended()

    assert (finish.outcome, attempt.results) == (Outcome.PASSED, {0: b"{}\n"})


async def test_the_failure_marker_fails_the_commit_in_the_boards_own_words(bench: Bench) -> None:
    await bench.plug("booting", "HARD FAULT at 0x1000", "=== END")
    bench.configure(run="sleep 60", serial='end = "=== END"\nfail = "FAULT|PANIC"', grace=0.3)

    attempt = await bench.job()
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (Outcome.FAILED, "run: the board said: HARD FAULT at 0x1000")
    assert bench.switched == ["on", "off"]


async def test_a_run_without_its_end_marker_is_over_at_its_limit(bench: Bench) -> None:
    await bench.plug("booting")
    bench.configure(serial='end = "=== END"')
    bench.change("[boards.power]", "limits.run = 0.5\n[boards.power]")

    attempt = await bench.job()
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (Outcome.TIMED_OUT, "limit: run took longer than 0.5 s")


async def test_a_board_that_is_unplugged_in_the_middle_is_the_boards_trouble_at_once(bench: Bench) -> None:
    await bench.plug("booting", "@unplug")
    bench.configure(run="sleep 60", serial="silence = 20", grace=0.3)

    attempt = await bench.job()
    began = time.monotonic()
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith("infra:board the device ") and "unplugged" in finish.reason
    assert time.monotonic() - began < MOST * crowd()


async def test_a_script_that_fails_because_the_board_is_gone_does_not_blame_the_commit(bench: Bench) -> None:
    await bench.plug("booting")
    bench.configure(run=f"rm {bench.console}; exit 1")

    finish = await (await bench.job()).ended()

    assert (finish.outcome, finish.reason.split(" the")[0]) == (Outcome.ERRORED, "infra:board")


@pytest.mark.parametrize(
    ("check", "outcome", "reason"),
    [
        ("exit 3", Outcome.ERRORED, "infra:board nothing from the console for 0.5 s, and its check: exit status 3"),
        ("true", Outcome.TIMED_OUT, "limit: nothing from the console for 0.5 s"),
    ],
)
async def test_a_board_that_falls_silent_is_switched_off_and_on_and_asked_whose_fault_it_is(
    bench: Bench, check: str, outcome: Outcome, reason: str
) -> None:
    await bench.plug("booting")
    bench.configure(run="sleep 60", serial="silence = 0.5", check=check, grace=0.3)

    attempt = await bench.job()
    began = time.monotonic()
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (outcome, reason)
    assert bench.switched == ["on", "off", "on", "off"]
    assert time.monotonic() - began < MOST * crowd()


async def test_a_board_that_cannot_be_switched_on_runs_nothing(bench: Bench) -> None:
    await bench.plug()
    bench.configure(run="echo never")
    bench.lab.script("power.sh", "echo no route to the switch; exit 4")

    attempt = await bench.job()
    finish = await attempt.ended()

    assert finish.reason == "infra:board the command for power on: exit status 4"
    assert "no route to the switch" in attempt.text and "never" not in attempt.text


async def test_a_switch_that_hangs_is_given_up_at_its_limit(bench: Bench) -> None:
    await bench.plug()
    bench.configure(run="echo never")
    bench.lab.script("power.sh", "sleep 60")
    bench.change("[boards.power]\n", "[boards.power]\nlimit = 0.3\n")

    finish = await (await bench.job()).ended()

    assert finish.reason == "infra:board the command for power on: it took longer than 0.3 s"


async def test_a_cancelled_job_leaves_its_board_off(bench: Bench) -> None:
    await bench.plug("booting")
    bench.configure(run="echo begun; sleep 60", grace=0.3)
    attempt = await bench.job()
    await attempt.logged("begun")

    await bench.service.cancel(attempt, Cancel.FORCE)
    finish = await attempt.ended()

    assert finish.outcome is Outcome.CANCELLED
    assert bench.switched == ["on", "off"]


async def test_a_job_that_was_given_away_leaves_its_board_off(bench: Bench) -> None:
    await bench.plug("booting")
    bench.configure(run="echo begun; sleep 60", grace=0.3)
    attempt = await bench.job(beat_s=0.2)
    await attempt.logged("begun")

    attempt.lost = True
    async with asyncio.timeout(MOST):
        while bench.switched != ["on", "off"]:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("agent_too", [True, False])
async def test_a_board_that_a_killed_job_left_on_is_switched_off_before_it_gets_another(
    bench: Bench, agent_too: bool
) -> None:
    await bench.plug("booting")
    bench.configure(run="echo begun; sleep 60")
    agent = await bench.lab.connect()
    attempt = await bench.service.job(bench.project.source(bench.project.commit()), "b1", "c1")
    await attempt.logged("begun")

    before, asked = bench.switched, len(bench.service.claims)
    [job] = bench.lab.job_processes()
    if agent_too:
        agent.kill()
        await agent.wait()
    os.kill(job, signal.SIGKILL)
    if agent_too:
        await bench.lab.connect()
    await bench.service.until(lambda: any("b1" in each.boards_free for each in bench.service.claims[asked:]))

    assert (before, bench.switched) == (["on"], ["on", "off"])


@pytest.mark.parametrize(("keep_power", "switched"), [(True, ["on"]), (False, ["on", "off"])])
async def test_a_board_stays_on_after_a_failure_if_somebody_wants_to_look_at_it(
    bench: Bench, keep_power: bool, switched: list[str]
) -> None:
    await bench.plug("booting")
    bench.configure(run="exit 1")

    finish = await (await bench.job(keep_power=keep_power)).ended()

    assert (finish.outcome, bench.switched) == (Outcome.FAILED, switched)


async def test_a_check_switches_the_board_on_runs_the_labs_command_and_tells_what_it_printed(bench: Bench) -> None:
    await bench.plug()
    bench.configure(check='echo "login on $1 ($RIGLINE_BOARD) by $RIGLINE_SERIAL"')

    attempt = await bench.check()
    finish = await attempt.ended()

    assert (finish.outcome, [each.phase for each in finish.phases]) == (Outcome.PASSED, [Phase.RUN])
    assert f"login on b1 (b1) by {bench.console}" in attempt.text
    assert bench.switched == ["on", "off"]


@pytest.mark.parametrize(
    ("check", "outcome", "reason"),
    [
        ("exit 1", Outcome.FAILED, "health: the check of the board: exit status 1"),
        ("sleep 60", Outcome.TIMED_OUT, "limit: the check of the board: it took longer than 2 s"),
    ],
)
async def test_a_check_that_does_not_pass_says_why(bench: Bench, check: str, outcome: Outcome, reason: str) -> None:
    await bench.plug()
    bench.configure(check=check)

    finish = await (await bench.check()).ended()

    assert (finish.outcome, finish.reason) == (outcome, reason)
    assert bench.switched == ["on", "off"]


async def test_a_check_of_a_board_that_is_not_plugged_in_is_the_boards_trouble(bench: Bench) -> None:
    bench.lab.script("power.sh", "true")
    bench.configure()
    bench.change('[boards.power]\non = "scripts/power.sh on"\noff = "scripts/power.sh off"\n', "")

    finish = await (await bench.check()).ended()

    assert finish.reason == f"infra:board the device {bench.console} is missing: is the board plugged in?"


async def test_a_switch_knows_the_secrets_of_the_lab_and_no_log_does(bench: Bench) -> None:
    await bench.plug()
    bench.configure(check="echo $SWITCH_PASSWORD")
    bench.change("[builder]", '[builder]\nenvironment = ["SWITCH_PASSWORD"]')
    await bench.lab.connect(SWITCH_PASSWORD="correct-horse")

    attempt = await bench.service.job(NOWHERE, "b1", "health check", kind=Kind.HEALTH)
    await attempt.ended()

    assert "[masked]" in attempt.text and "correct-horse" not in attempt.text


async def test_the_hello_says_what_the_boards_can_do(bench: Bench) -> None:
    bench.configure()
    folder = bench.lab.folder / "by-id"
    folder.mkdir()
    bench.change(str(bench.console), f"{folder}/usb-FTDI_A5XK3RJT-if00")

    await bench.lab.connect()

    [board] = bench.service.hellos[0].boards
    assert (board.devices, board.power) == (["usb-FTDI_A5XK3RJT-if00"], True)
    assert board.check == CheckOffer(every_s=86400, limit_s=2)


async def test_an_agent_whose_board_another_builder_has_ends_and_says_so(bench: Bench) -> None:
    bench.configure()
    bench.service.refusal = refuse(409, "board_in_use")

    agent = await bench.lab.start()

    assert await asyncio.wait_for(agent.wait(), MOST) != 0
    assert "refused: board_in_use" in bench.lab.said


def test_a_console_is_opened_once() -> None:
    ours, theirs = os.openpty()
    device = Path(os.ttyname(theirs))
    first = open_line(device, 9600)

    with pytest.raises(BoardTrouble, match=r"in use|busy"):
        open_line(device, 9600)

    os.close(first)
    os.close(open_line(device, 9600))
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("what", ["missing", "file"])
def test_what_is_no_console_is_refused_in_words(tmp_path: Path, what: str) -> None:
    device = tmp_path / "device"
    if what == "file":
        device.write_text("")

    with pytest.raises(BoardTrouble, match="cannot be opened" if what == "missing" else "no serial line"):
        open_line(device, 9600)


def test_a_line_of_the_console_does_not_cut_a_secret_in_two(tmp_path: Path) -> None:
    log = JobLog(tmp_path, ["correct-horse"])

    log.write(b"it is correct-")
    log.console(b"booting", 0.5)
    log.write(b"horse, is it?\n")
    log.console(b"correct-horse", 0.6)
    log.close()
    kept = log.read(0, 999)
    log.release()

    assert kept.startswith(b"it is [masked], is it?\n[serial +0.500] booting\n[serial +0.600] [masked]\n")


WRONG = {
    'devices = ["/dev/ttyUSB0"]': "whatever was plugged in first",
    'devices = ["ttyS0"]': "absolute path",
    "[boards.serial]\nbaud = 9600": 'missing key "device"',
    '[boards.serial]\ndevice = "/dev/ttyACM1"': "/dev/serial/by-id",
    '[boards.serial]\ndevice = "/dev/x"\nbaud = 12345': "valid: ",
    '[boards.serial]\ndevice = "/dev/x"\nend = "("': "regular expression",
    '[boards.serial]\ndevice = "/dev/x"\nsilense = 3': "did you mean 'silence'",
    '[boards.power]\non = "a"': 'missing key "off"',
    '[boards.power]\ncommand = "a {worktree}"': "unknown placeholder {worktree}",
    '[boards.power]\ncommand = "a"\nlimit = 4000': "at most 300",
    "[boards.health]\nevery = 60": 'missing key "check"',
    '[boards.health]\ncheck = "a"\nevery = 5': "at least 60",
    '[boards.health]\ncheck = "a"\nlimit = 5000': "at most 3600",
}


@pytest.mark.parametrize("text", list(WRONG))
async def test_a_wrong_board_is_refused_with_the_way_out(lab: Lab, text: str) -> None:
    head = '[[boards]]\nname = "b1"\n'
    one = '[[boards.configurations]]\nname = "c1"\nbuild = "true"\nrun = "true"\n'
    whole = head + (one + text if text.startswith("[") else f"{text}\n{one}")

    with pytest.raises(ConfigError) as told:
        load(lab.config(whole))

    assert WRONG[text] in str(told.value)


async def test_two_boards_do_not_share_a_device(lab: Lab) -> None:
    one = '[[boards]]\nname = "{}"\ndevices = ["/dev/serial/by-id/usb-1"]\n[[boards.configurations]]\nname = "c"\n'
    one += 'build = "true"\nrun = "true"\n'

    with pytest.raises(ConfigError, match="boards b1 and b2 both name /dev/serial/by-id/usb-1"):
        load(lab.config(one.format("b1") + one.format("b2")))
