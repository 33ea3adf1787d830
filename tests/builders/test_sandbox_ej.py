"""A stranger's code in a lab of EJ's form: built where its scripts look for it, behind the same walls."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.protocol import Kind, Level, Outcome
from tests.builders.conftest import Lab, Project, gone
from tests.builders.fake_service import TOKEN, FakeService
from tests.builders.test_ej import ONE, ej

# The lab's script builds and runs what the commit brings; EJ's scripts know the library's path by heart.
SCRIPT = """
echo "$# $1 in $PWD, tree $RIGLINE_WORKTREE"
. {folder}/library/$1.sh
"""


async def connected(lab: Lab, text: str = ONE) -> None:
    file = ej(lab, SCRIPT.replace("{folder}", str(lab.folder)), text)
    (lab.folder / "token").write_text(TOKEN)
    (lab.folder / "diary").write_text("of the lab")
    token = {"RIGLINE_BUILDER_TOKEN": "", "RIGLINE_BUILDER_TOKEN_FILE": str(lab.folder / "token")}
    await lab.connect(file, WIFI=TOKEN, **token)


def commit(project: Project, build: str, run: str = "true", **more: str) -> str:
    return project.commit(build__sh=build, run__sh=run, **more)


@pytest.mark.parametrize("results", ["results.txt", "elsewhere/of/it/results.txt", "library/out.txt"])
async def test_untrusted_code_is_built_at_the_library_path_and_its_result_taken(
    lab: Lab, service: FakeService, project: Project, results: str
) -> None:
    place = f"{lab.folder}/{results}"
    await connected(lab, ONE.replace("results.txt", results))
    made = commit(project, f"echo built > {lab.folder}/library/made", f"cat {lab.folder}/library/made > {place}")

    attempt = await service.job(project.source(made), "pi", "release", trusted=False)
    finish = await attempt.ended()

    assert service.hellos[0].isolation in (Level.NAMESPACES, Level.CGROUP)
    assert finish.outcome is Outcome.PASSED, attempt.text
    assert "sandboxed with no network" in attempt.text
    assert f"5 run in {lab.folder}/library, tree {lab.folder}/library\n" in attempt.text
    assert attempt.results == {0: b"built\n"}
    assert not (lab.folder / "library").exists() and not Path(place).exists()  # neither is the lab's own


HOSTILE = r"""
for each in token diary config.toml library/../token agent.log; do
  cat {folder}/$each 2>/dev/null && echo "ESCAPED by $each"
done
find {folder}/.local -type f 2>/dev/null | grep -v "/objects/\|/out/" && echo ESCAPED into the state
grep -rqs "{secret}" {folder} /proc/[0-9]*/environ /tmp ~ && echo ESCAPED with the token
env | grep -q "{secret}" && echo ESCAPED with a variable
echo changed > {folder}/scripts/ej.sh && echo ESCAPED into the script
echo changed > {folder}/library/.git/config && echo ESCAPED into git
echo new > {folder}/new
python3 -c "import socket as s; s.create_connection(('127.0.0.1', {port})); print('ESCAPED')" 2>&1 | grep "ESC\|refu"
setsid sleep 4711 &
ln -s {folder}/canary {folder}/results.txt
echo DONE
"""


async def test_a_hostile_script_in_ejs_form_finds_nothing_of_the_agent(
    lab: Lab, service: FakeService, project: Project
) -> None:
    await connected(lab)
    secret = TOKEN.partition(".")[2]
    not_itself = f"{secret[0]}[{secret[1]}]{secret[2:]}"  # a pattern, so that the script does not find its own line
    values = {"folder": lab.folder, "secret": not_itself, "port": service.port}
    hostile = HOSTILE
    for name, value in values.items():
        hostile = hostile.replace(f"{{{name}}}", str(value))
    before = (lab.folder / "scripts" / "ej.sh").read_text()

    attempt = await service.job(project.source(commit(project, hostile, hostile)), "pi", "release", trusted=False)
    await attempt.ended()

    assert attempt.text.count("refused") == attempt.text.count("DONE\n") == 2, attempt.text
    assert "ESCAPED" not in attempt.text, attempt.text
    assert attempt.results == {}  # a link is none
    assert (lab.folder / "scripts" / "ej.sh").read_text() == before
    names = {each.name for each in lab.folder.iterdir()}
    assert names <= {"scripts", "config.toml", "token", "diary", ".local", "agent.log"}
    await gone("sleep 4711")


async def test_a_link_where_the_next_phases_script_is_mounted_leads_nowhere(
    lab: Lab, service: FakeService, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "canaries").mkdir()
    (lab.folder / "other").mkdir()
    (lab.folder / "other" / "run.sh").write_text("#!/bin/sh\necho the own script of the lab\n")
    (lab.folder / "other" / "run.sh").chmod(0o755)
    await connected(lab, ONE.replace('run_script = "{folder}/scripts/ej.sh"', 'run_script = "{folder}/other/run.sh"'))
    made = commit(project, f"ln -s {tmp_path}/canaries {lab.folder}/other && echo laid")

    attempt = await service.job(project.source(made), "pi", "release", trusted=False)
    finish = await attempt.ended()

    assert "laid" in attempt.text and "the own script of the lab" in attempt.text, attempt.text
    assert finish.outcome is Outcome.PASSED
    assert list((tmp_path / "canaries").iterdir()) == []


async def test_what_a_stranger_built_is_not_what_the_lab_builds_on(
    lab: Lab, service: FakeService, project: Project
) -> None:
    await connected(lab)
    build = "ls $RIGLINE_WORKTREE; touch $RIGLINE_WORKTREE/left-$RIGLINE_JOB; echo END"
    made = commit(project, build)
    first = await service.job(project.source(made), "pi", "release", kind=Kind.BUILD)
    await first.ended()
    stranger = await service.job(project.source(made), "pi", "release", kind=Kind.BUILD, trusted=False)
    await stranger.ended()
    last = await service.job(project.source(made), "pi", "release", kind=Kind.BUILD)
    await last.ended()

    assert "left-" not in stranger.text and "END" in stranger.text
    assert f"left-{first.lease.job_id}" in last.text and f"left-{stranger.lease.job_id}" not in last.text
    assert "sandboxed" not in last.text  # the lab's own code runs as EJ runs it


async def test_a_results_path_among_the_systems_folders_is_refused_to_strangers(
    lab: Lab, service: FakeService, project: Project
) -> None:
    await connected(lab, ONE.replace("{folder}/results.txt", "/usr/results.txt"))

    attempt = await service.job(project.source(commit(project, "true")), "pi", "release", trusted=False)
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED and "results_path a folder of its own" in finish.reason
