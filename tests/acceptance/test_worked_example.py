"""EJ's worked example with EJ's own configuration file: four configurations, one of which never ends."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.acceptance.conftest import Service, repository

SCRIPT = """\
#!/bin/sh
# Called as EJ does: build|run, configuration file, board, configuration, socket.
set -e
action=$1 configuration=$4
case $action in
build) echo "compiling for $configuration"; mkdir -p "$TREE/out"; cp "$TREE/program.txt" "$TREE/out/" ;;
run) echo "running $configuration"; echo "SEQ: 42" > "$TREE/out/results-$configuration.txt" ;;
esac
"""
ENDLESS = """\
#!/bin/sh
[ "$1" = run ] && { sleep 987654 & setsid sleep 987655 & sleep 987656; }
echo "compiling for $4"
"""
NAMES = ("first", "second", "third")


def ej_configuration(folder: Path, names: tuple[str, ...]) -> Path:
    """Write an EJ `config.toml` whose configurations share one work tree."""
    tree = folder / "library"
    for name, text in (("script.sh", SCRIPT.replace("$TREE", str(tree))), ("endless.sh", ENDLESS)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    parts = ['[global]\nversion = "1"\n\n[[boards]]\nname = "desk"\ndescription = "This machine"\n']
    for name in names:
        script = folder / ("endless.sh" if name == "endless" else "script.sh")
        parts.append(
            f'[[boards.configs]]\nname = "{name}"\ntags = ["arm64"]\n'
            f'build_script = "{script}"\nrun_script = "{script}"\n'
            f'results_path = "{tree}/out/results-{name}.txt"\nlibrary_path = "{tree}"\n'
        )
    path = folder / "config.toml"
    path.write_text("\n".join(parts))
    return path


def processes_with(mark: str) -> list[str]:
    """List the processes of the machine whose command line holds a word."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if mark in line:
                found.append(line)
    return found


@pytest.mark.parametrize("order", [(*NAMES, "endless"), ("endless", *NAMES)], ids=["endless last", "endless first"])
async def test_one_endless_configuration_times_out_and_takes_no_other_with_it(
    service: Service, order: tuple[str, ...], campaign: int
) -> None:
    seconds = "20" if campaign > 1 else "4"  # the user's own figure where there is time
    commit = repository(service.folder / "git", "acme", {"program.txt": "hello\n"})
    what = ("--remote-url", f"{service.git_url}/acme.git", "--commit-hash", commit)
    async with service.builder("lab", ej_configuration(service.folder, order)):
        built = await service.rigline("dispatch", "build", *what, "--seconds", "60", "--json")
        ran = await service.rigline("dispatch", "run", *what, "--seconds", seconds, "--json")
        left = processes_with("98765")
        again = await service.rigline("dispatch", "run", *what, "--seconds", seconds)

    assert built.status == 0, built.err
    build_jobs = json.loads(built.out)["jobs"]
    assert [job["state"] for job in build_jobs] == ["passed"] * 4
    run = json.loads(ran.out)
    assert ran.status == 1
    assert {job["configuration"]: job["state"] for job in run["jobs"]} == dict.fromkeys(NAMES, "passed") | {
        "endless": "timed_out"
    }
    assert left == []
    assert again.status == 1
    assert "timed_out" in again.out + again.err
    assert len(re.findall("SEQ: 42", again.out)) == 3


async def test_logs_and_results_can_be_read_afterwards_by_pipeline_and_commit(service: Service) -> None:
    commit = repository(service.folder / "git", "acme", {"program.txt": "hello\n"})
    what = ("--remote-url", f"{service.git_url}/acme.git", "--commit-hash", commit, "--seconds", "60")
    async with service.builder("lab", ej_configuration(service.folder, NAMES)):
        ran = await service.rigline("dispatch", "run", *what, "--json")
        found = await service.rigline("pipeline", "list", "--commit", commit, "--json")
        job = json.loads(ran.out)["jobs"][0]
        log = await service.rigline("job", "log", str(job["id"]))
        result = await service.rigline("job", "result", str(job["id"]))
        shown = await service.rigline("job", "show", str(job["id"]))

    assert ran.status == 0, ran.err
    assert [each["state"] for each in json.loads(found.out)["items"]] == ["passed"]
    assert commit in log.out
    assert f"compiling for {job['configuration']}" in log.out
    assert f"running {job['configuration']}" in log.out
    assert result.out == "SEQ: 42\n"
    assert f"{service.url}/jobs/{job['id']}" in shown.out
