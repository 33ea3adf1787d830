"""Jobs that hold several boards of one builder: what the file may say, and what the agent does with them."""

from __future__ import annotations

import os
import pty
import signal
from pathlib import Path

import pytest

from builders.config import ConfigError, load
from builders.protocol import FURTHER, Outcome
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService

LINK = 'with = ["receiver"]\n'


class Pair:
    """A lab with a sender, a receiver and a bystander, each with a switch that writes a diary."""

    def __init__(self, lab: Lab, service: FakeService, project: Project) -> None:
        self.lab, self.service, self.project = lab, service, project
        self.diary = lab.folder / "diary"

    def configure(self, run: str, more: str = LINK, of_receiver: str = "", sandbox: str = 'use = "never"') -> None:
        self.lab.script("power.sh", f'echo "$2 $1" >> {self.diary}; test ! -e {self.lab.folder}/broken-$2-$1')
        self.lab.script("run.sh", run)
        power = '[boards.power]\non = "scripts/power.sh on {board}"\noff = "scripts/power.sh off {board}"\n'
        way = '[[boards.configurations]]\nname = "c1"\nbuild = ["true"]\nrun = "scripts/run.sh"\n'
        boards = [("sender", "", more), ("receiver", of_receiver, ""), ("bystander", "", "")]
        text = "".join(f'[[boards]]\nname = "{name}"\n{power}{own}{way}{last}' for name, own, last in boards)
        self.lab.config(text, sandbox=sandbox)

    async def job(self, *further: str):  # type: ignore[no-untyped-def]
        await self.lab.connect()
        source = self.project.source(self.project.commit())
        return await self.service.job(source, "sender", "c1", further=list(further))

    @property
    def switched(self) -> list[str]:
        return self.diary.read_text().splitlines() if self.diary.exists() else []


@pytest.fixture
def pair(lab: Lab, service: FakeService, project: Project) -> Pair:
    return Pair(lab, service, project)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ('["sender"]', "sender is the configuration's own board"),
        ('["reciever"]', "there is no board 'reciever' in this file; it has bystander, receiver, sender"),
        ('["receiver", "receiver"]', "receiver is named twice"),
        ('"receiver"', "must be a list of texts"),
        (f"{[f'b{number}' for number in range(9)]}", "at most 8 boards"),
    ],
)
async def test_a_mistake_in_the_names_of_further_boards_is_told(pair: Pair, names: str, problem: str) -> None:
    pair.configure("true", more=f"with = {names}\n")
    with pytest.raises(ConfigError, match=problem):
        load(pair.lab.folder / "builder.toml")


async def test_the_offer_names_the_further_boards(pair: Pair) -> None:
    pair.configure("true")
    offers = {each.name: each.configurations[0].further for each in load(pair.lab.folder / "builder.toml").offers()}
    assert offers == {"sender": ["receiver"], "receiver": [], "bystander": []}


async def test_a_script_knows_all_its_boards_which_are_on_meanwhile_and_off_afterwards(pair: Pair) -> None:
    console, line = pty.openpty()
    pair.configure(
        f'echo "$RIGLINE_BOARD:" $RIGLINE_BOARDS, $RIGLINE_SERIALS; cat {pair.diary}; '
        f"until test -e {pair.lab.folder}/go; do sleep 0.05; done",
        of_receiver=f'[boards.serial]\ndevice = "{_link(pair.lab, line)}"\n',
    )
    attempt = await pair.job("receiver")
    await attempt.logged("sender: sender receiver,")
    await pair.service.until(lambda: pair.service.claims[-1].boards_free == ["bystander"])
    (pair.lab.folder / "go").touch()
    finish = await attempt.ended()
    after = await pair.service.job(attempt.lease.source, "receiver", "c1")

    assert (finish.outcome, finish.reason) == (Outcome.PASSED, "")
    assert f"sender: sender receiver, {pair.lab.folder}/tty" in attempt.text
    assert "receiver on\nsender on\n" in attempt.text
    assert sorted(pair.switched[2:4]) == ["receiver off", "sender off"]
    assert (await after.ended()).outcome is Outcome.PASSED
    os.close(console)


async def test_a_job_of_a_stranger_gets_the_nodes_of_its_further_boards_too(pair: Pair) -> None:
    console, line = pty.openpty()
    device = _link(pair.lab, line)
    pair.configure(
        f"echo hello > {device} && echo sent", of_receiver=f'[boards.serial]\ndevice = "{device}"\n', sandbox=""
    )
    await pair.lab.connect()
    source = pair.project.source(pair.project.commit())
    attempt = await pair.service.job(source, "sender", "c1", further=["receiver"], trusted=False)
    assert (await attempt.ended()).outcome is Outcome.PASSED, attempt.text
    assert os.read(console, 5) == b"hello"
    os.close(console)


async def test_trouble_with_a_further_board_is_named_and_leaves_all_off(pair: Pair) -> None:
    pair.configure("echo never")
    (pair.lab.folder / "broken-receiver-on").touch()
    attempt = await pair.job("receiver")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith(f"{FURTHER} receiver: the command for power on")
    assert "never" not in attempt.text.splitlines()
    assert pair.switched == ["receiver on", "receiver off"]


async def test_a_job_whose_further_boards_were_changed_meanwhile_does_not_run(pair: Pair) -> None:
    pair.configure("echo never", more="")
    finish = await (await pair.job("receiver")).ended()
    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith("config: the boards of 'c1' were changed")
    assert pair.switched == []


async def test_all_boards_that_a_killed_job_left_on_are_switched_off(pair: Pair) -> None:
    pair.configure("echo begun; sleep 60")
    attempt = await pair.job("receiver")
    await attempt.logged("begun")
    asked, [job] = len(pair.service.claims), pair.lab.job_processes()
    os.kill(job, signal.SIGKILL)
    await pair.service.until(lambda: len(pair.service.claims) > asked)
    assert pair.switched == ["receiver on", "sender on", "receiver off", "sender off"]


def _link(lab: Lab, line: int) -> Path:
    """Give a console of a board a name that stays."""
    link = lab.folder / "tty"
    link.symlink_to(os.ttyname(line))
    return link
