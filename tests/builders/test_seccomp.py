"""The filter of system calls: what it refuses on machines that we are not on, and what it leaves to ordinary builds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import doctor, isolation, seccomp
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService
from tests.builders.test_isolation import bwrap

ALLOWED, REFUSED = seccomp.ALLOW, seccomp.REFUSE
TABLES = {**seccomp.EVERYBODY, **seccomp.STRANGERS}
HARMLESS = {"x86_64": (0, 1, 56, 57, 59, 101, 435), "i386": (3, 4, 11, 26), "aarch64": (63, 64, 117, 220, 221, 435)}
BUILD = """
import ctypes, os, platform
libc, here = ctypes.CDLL(None, use_errno=True), platform.machine() != "x86_64"
for name, number in (("events", (298, 241)), ("ring", (425, 425)), ("keys", (250, 219))):
    libc.syscall(number[here], 0xDEAD, 0, -1, -1, 0)
    print(name, os.strerror(ctypes.get_errno()))
if os.fork() == 0:
    print("traced", libc.ptrace(0, 0, 0, 0), flush=True)
    os._exit(0)
os.wait()
"""


def judge(program: bytes, architecture: int, number: int, second: int = 0) -> int:
    """Run a filter as a kernel does: seccomp(2)."""
    data = struct.pack("=iIQ6Q", number, architecture, 0, 0, second, 0, 0, 0, 0)
    steps = list(struct.iter_unpack("=HBBI", program))
    at, held = 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == seccomp.RETURN:
            return operand
        if code == seccomp.LOAD:
            held = struct.unpack_from("=I", data, operand)[0]
        else:
            is_so = held == operand if code == seccomp.EQUALS else held >= operand
            at += if_true if is_so else if_false


def spoken() -> Iterator[tuple[str, str]]:
    for machine, names in seccomp.SPOKEN.items():
        yield from ((machine, name) for name in names)


@pytest.mark.parametrize(("machine", "name"), list(spoken()))
def test_a_machines_filter_refuses_the_calls_of_each_of_its_tables_and_no_others(machine: str, name: str) -> None:
    program, architecture = seccomp.program(machine, trusted=False), seccomp.ARCHITECTURES[name]
    column = seccomp.NAMES.index(name)
    refused = {each[column] for each in TABLES.values()} - {None}

    found = {number for number in range(500) if judge(program, architecture, number) == REFUSED}

    assert found == refused
    assert all(judge(program, architecture, each) == ALLOWED for each in HARMLESS.get(name, ()))
    ioctl, asked = seccomp.IOCTL[column], (0x5411, 0x5412, 0x5413, 0x541C, 1 << 32 | 0x5412)
    said = [judge(program, architecture, ioctl, each) for each in asked]
    assert said == [ALLOWED, REFUSED, ALLOWED, REFUSED, REFUSED]


def test_calls_of_an_unknown_architecture_and_of_the_third_table_are_refused() -> None:
    program = seccomp.program("x86_64", trusted=True)

    assert judge(program, 0xC0000016, 1) == REFUSED
    assert judge(program, seccomp.ARCHITECTURES["x86_64"], 0x40000000 | 1) == REFUSED
    assert judge(program, seccomp.ARCHITECTURES["x86_64"], -1) == REFUSED


def test_a_machine_whose_calls_are_not_known_has_no_filter() -> None:
    assert seccomp.program("riscv64", trusted=False) == b""


async def test_trusted_code_may_count_events_and_be_traced_and_reads_no_keys(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.config(
        '[[boards]]\nname = "b1"\n[[boards.configurations]]\nname = "c1"\n'
        'build = ["python3", "calls.py"]\nrun = "true"\n',
        sandbox="",
    )
    await lab.connect()

    attempt = await service.job(project.source(project.commit(calls__py=BUILD)), "b1", "c1", trusted=True)
    finish = await attempt.ended()

    assert finish.outcome == "passed", attempt.text
    assert "events Operation not permitted" not in attempt.text and "events " in attempt.text
    assert "ring Operation not permitted" not in attempt.text
    assert "keys Operation not permitted" in attempt.text
    assert "traced 0" in attempt.text


def test_a_kernel_that_takes_no_filter_has_a_sandbox_without_one_and_the_doctor_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = (
        '[ "$1" = --version ] && echo bubblewrap 0.11.0 && exit\n[ "$1" != --seccomp ] || { echo no filters; exit 1; }'
    )
    made = bwrap(tmp_path, answers.replace("echo no filters", "echo no filters >&2"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    config = tmp_path / "builder.toml"
    boards = '[[boards]]\nname = "b"\n[[boards.configurations]]\nname = "c"\nbuild = "true"\nrun = "true"\n'
    config.write_text(f"version = 1\n{boards}")

    found = isolation.examine([made])
    told = [each.what for each in doctor.examine(config, None)]

    assert found.bwrap == made and "no filters" in found.unfiltered
    assert "not filtered" in found.facts()["system_calls"]
    assert [each for each in told if "no system call is refused" in each and "no filters" in each]
