"""A lab that comes from EJ changes nothing: its file, its scripts, its socket."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from builders.config import ConfigError, load
from builders.protocol import Kind, Outcome
from tests.builders.conftest import Lab, Project, processes
from tests.builders.fake_service import TOKEN, FakeService

ONE = """
[global]
version = "1.0"
unknown = "ignored"

[[boards]]
name = "pi"
description = "A Raspberry Pi"
anything = 1

[[boards.configs]]
name = "release"
tags = ["arm64"]
build_script = "{folder}/scripts/ej.sh"
run_script = "{folder}/scripts/ej.sh"
results_path = "{folder}/results.txt"
library_path = "{folder}/library"
future = true
"""


def ej(lab: Lab, script: str = "true", text: str = ONE) -> Path:
    lab.script("ej.sh", script)
    file = lab.folder / "config.toml"
    file.write_text(text.replace("{folder}", str(lab.folder)))
    return file


async def test_an_ej_file_works_as_it_is(lab: Lab, service: FakeService, project: Project) -> None:
    config = ej(
        lab,
        f'echo "$# $*"; pwd; cat {lab.folder}/library/file.txt; '
        f'[ "$1" = build ] || printf "Results:\\nSEQ: 1\\n" > {lab.folder}/results.txt',
    )
    await lab.connect(config)

    attempt = await service.job(project.source(project.commit(file__txt="from the commit\n")), "pi", "release")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED
    assert attempt.results == {0: b"Results:\nSEQ: 1\n"}
    lines = attempt.text.splitlines()
    for action in ("build", "run"):
        (words,) = (line for line in lines if line.startswith(f"5 {action} "))
        assert words.startswith(f"5 {action} {config} pi release /")
        assert len(words.split()[-1]) < 108
    assert lines.count(str(lab.folder)) == 2  # the folder the builder was started in
    assert lines.count("from the commit") == 2


async def test_an_ej_run_without_a_result_passes_with_its_log_only(
    lab: Lab, service: FakeService, project: Project
) -> None:
    config = ej(lab, "echo only a log")
    (lab.folder / "results.txt").write_text("of last week")
    await lab.connect(config)

    attempt = await service.job(project.source(project.commit()), "pi", "release")

    assert (await attempt.ended()).outcome is Outcome.PASSED
    assert attempt.results == {}
    assert "warning" not in attempt.text


async def test_an_ej_script_does_not_see_the_token(lab: Lab, service: FakeService, project: Project) -> None:
    config = ej(lab, f"env > {lab.folder}/seen")
    await lab.connect(config, RIGLINE_BUILDER_TOKEN="", RIGLINE_BUILDER_ID="", EJB_ID="lab1", EJB_TOKEN=TOKEN)

    await (await service.job(project.source(project.commit()), "pi", "release")).ended()

    seen = (lab.folder / "seen").read_text()
    assert "EJB_" not in seen and "RIGLINE_BUILDER" not in seen and TOKEN not in seen
    assert "RIGLINE_ACTION=run" in seen and "HOME=" in seen


async def test_a_library_that_is_a_clone_already_is_used_and_not_made_anew(
    lab: Lab, service: FakeService, project: Project
) -> None:
    commit = project.commit(file__txt="one")
    project.git("clone", "--quiet", ".", str(lab.folder / "library"))
    (lab.folder / "library" / "built").write_text("object")
    (lab.folder / "library" / "file.txt").write_text("dirty")
    await lab.connect(ej(lab, f"cat {lab.folder}/library/built {lab.folder}/library/file.txt"))

    attempt = await service.job(project.source(commit), "pi", "release", kind=Kind.BUILD)
    await attempt.ended()

    assert "objectone" in attempt.text


async def test_a_library_that_is_no_work_tree_is_not_touched(lab: Lab, service: FakeService, project: Project) -> None:
    (lab.folder / "library").mkdir()
    (lab.folder / "library" / "thesis.txt").write_text("precious")
    await lab.connect(ej(lab))

    finish = await (await service.job(project.source(project.commit()), "pi", "release")).ended()

    assert finish.outcome is Outcome.ERRORED
    assert "is no git work tree" in finish.reason
    assert [each.name for each in (lab.folder / "library").iterdir()] == ["thesis.txt"]


async def test_a_shared_library_is_held_by_one_job_from_fetch_to_collect(
    lab: Lab, service: FakeService, project: Project
) -> None:
    board = ONE[ONE.index("[[boards]]") :]
    second = board.replace('"pi"', '"pc"').replace("results.txt", "results2.txt")
    script = f'exec >> {lab.folder}/order\necho "$3 $1"; sleep 0.2; echo "$3 $1 $(cat {lab.folder}/library/n.txt)"'
    await lab.connect(ej(lab, script, ONE + second))
    one, two = project.commit(n__txt="one"), project.commit(n__txt="two")

    jobs = [await service.job(project.source(one), "pi", "release")]
    jobs.append(await service.job(project.source(two), "pc", "release"))
    for each in jobs:
        assert (await each.ended()).outcome is Outcome.PASSED

    assert (lab.folder / "order").read_text().splitlines() == [
        f"{board} {action}{seen}"
        for board, text in (("pi", " one"), ("pc", " two"))
        for action in ("build", "run")
        for seen in ("", text)
    ]
    # The second board was not even offered while the tree was in use.
    assert ["pc"] not in [each.boards_free for each in service.claims]


async def test_a_board_that_has_another_tree_too_waits_with_a_job_for_the_one_in_use(
    lab: Lab, service: FakeService, project: Project
) -> None:
    board = ONE[ONE.index("[[boards]]") :]
    second = board.replace('"pi"', '"pc"').replace("results.txt", "results2.txt")
    third = second[second.index("[[boards.configs]]") :].replace('"release"', '"own"')
    third = third.replace("results2.txt", "results3.txt").replace("/library", "/library2")
    script = (
        f'[ "$3 $1" = "pi build" ] && {{ echo begun; while [ ! -e {lab.folder}/go ]; do sleep 0.02; done; }}\n'
        f'echo "$3 $1 $(cat {lab.folder}/library/n.txt)" >> {lab.folder}/order'
    )
    await lab.connect(ej(lab, script, ONE + second + third))

    first = await service.job(project.source(project.commit(n__txt="one")), "pi", "release")
    await first.logged("begun")
    other = await service.job(project.source(project.commit(n__txt="two")), "pc", "release")
    await other.logged("another job uses it")
    (lab.folder / "go").touch()
    for each in (first, other):
        assert (await each.ended()).outcome is Outcome.PASSED

    assert (lab.folder / "order").read_text().split("\n")[:-1] == [
        *("pi build one", "pi run one", "pc build two", "pc run two"),
    ]


SDK = """#!{python}
import time
import rigline_sdk

script = rigline_sdk.init(on_exit=lambda: print("powering off", flush=True))
print(script.action, script.board, script.configuration, script.config_path, flush=True)
if script.action == "run":
    print("begun", flush=True)
    script.cancelled.wait(60)
    time.sleep(0.1)
"""


async def test_a_script_hears_exit_on_the_socket_and_ends_by_itself(
    lab: Lab, service: FakeService, project: Project
) -> None:
    config = ej(lab, SDK.replace("{python}", sys.executable))
    await lab.connect(config)
    attempt = await service.job(project.source(project.commit()), "pi", "release")
    await attempt.logged("begun")

    await service.cancel(attempt)
    finish = await attempt.ended(timeout=9)  # shorter than the grace

    assert finish.outcome is Outcome.CANCELLED
    assert attempt.text.count("powering off") == 1
    assert f"run pi release {config}" in attempt.text


RAW = """#!{python}
import socket, sys, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
action, config, board, name, path = sys.argv[1:6]
if action == "run":
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    print("begun", flush=True)
    data = b""
    while chunk := connection.recv(100):
        data += chunk
    print("heard", data, "then the end", flush=True)
    connection.sendall(b'"Ack"\\n')
"""


async def test_the_socket_speaks_ejs_lines(lab: Lab, service: FakeService, project: Project) -> None:
    await lab.connect(ej(lab, RAW.replace("{python}", sys.executable)))
    for _ in range(2):  # the second cancel of a builder works as the first did
        attempt = await service.job(project.source(project.commit()), "pi", "release")
        await attempt.logged("begun")

        await service.cancel(attempt)
        await attempt.ended(timeout=9)  # shorter than the grace

        assert "heard b'\"Exit\"\\n' then the end" in attempt.text


@pytest.mark.parametrize("endless_first", [False, True])
async def test_the_worked_example_gives_four_logs_and_three_results_in_any_order(
    lab: Lab, service: FakeService, project: Project, endless_first: bool
) -> None:
    names = ["one", "two", "three"]
    names.insert(0 if endless_first else 3, "endless")
    text = '[global]\nversion = "1"\n[[boards]]\nname = "pc"\ndescription = "This machine"\n'
    for name in names:
        text += (
            f'[[boards.configs]]\nname = "{name}"\ntags = ["{name}"]\nbuild_script = "{{folder}}/scripts/ej.sh"\n'
            f'run_script = "{{folder}}/scripts/ej.sh"\nresults_path = "{{folder}}/{name}.txt"\n'
            'library_path = "{folder}/library"\n'
        )
    script = (
        'if [ "$1" = build ]; then echo "building $4"; exit; fi\n'
        '[ "$4" = endless ] && exec sleep 4335\n'
        f'echo "SEQ: 1" > {lab.folder}/$4.txt; echo "ran $4"'
    )
    await lab.connect(ej(lab, script, text))
    commit = project.commit()

    for _ in range(2):  # repeated at once, the answer is the same
        builds = [await service.job(project.source(commit), "pc", name, kind=Kind.BUILD) for name in names]
        for each in builds:
            assert (await each.ended()).outcome is Outcome.PASSED
        runs = [await service.job(project.source(commit), "pc", name, limit_s=1.0) for name in names]
        ended = {each.lease.configuration: await each.ended() for each in runs}

        assert all(f"commit {commit} is checked out" in each.text for each in (*builds, *runs))
        assert all(f"building {each.lease.configuration}" in each.text for each in (*builds, *runs))
        assert [each.results for each in builds] == [{}] * 4
        results = {each.lease.configuration: each.results for each in runs if each.results}
        assert results == {name: {0: b"SEQ: 1\n"} for name in ("one", "two", "three")}
        assert {name: finish.outcome for name, finish in ended.items()} == {
            "one": Outcome.PASSED,
            "two": Outcome.PASSED,
            "three": Outcome.PASSED,
            "endless": Outcome.TIMED_OUT,
        }
        assert processes("sleep 4335") == []


@pytest.mark.parametrize(
    ("cut", "text"),
    [
        ('version = "1.0"\n', 'missing key "version" in global: add version ='),
        ('name = "pi"\n', 'missing key "name" in boards[0]'),
        ('tags = ["arm64"]\n', 'missing key "tags" in boards[0].configs[0]'),
        ('results_path = "{folder}/results.txt"\n', 'missing key "results_path" in boards[0].configs[0]'),
        ('library_path = "{folder}/library"\n', 'missing key "library_path" in boards[0].configs[0]'),
    ],
)
def test_a_missing_key_is_named_with_its_place(tmp_path: Path, cut: str, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(ONE.replace(cut, ""))

    with pytest.raises(ConfigError) as refused:
        load(file)

    assert str(refused.value).startswith(f"{file}: ")
    assert text in str(refused.value)


def test_boards_that_share_a_results_path_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(ONE + ONE[ONE.index("[[boards]]") :].replace('"pi"', '"pc"'))

    with pytest.raises(ConfigError, match="boards pi and pc share the results_path"):
        load(file)
