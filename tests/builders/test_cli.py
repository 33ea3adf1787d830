"""The command line of a lab machine: parse, validate, checkout, connect, doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builders.cli import main
from builders.config import ConfigError, load
from tests.builders.conftest import ROOT, Project
from tests.builders.fake_service import TOKEN

GOOD = """
version = 1
[builder]
state_dir = "state"

[[boards]]
name = "b1"
type = "nucleo"
description = "On the left"
[[boards.configurations]]
name = "c1"
tags = ["debug"]
build = "sh -c 'echo building; test ! -e broken'"
run = ["sh", "-c", "echo running; echo 12 > out.txt"]
results = "out.txt"
"""


def rigline_builder(*words: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    outside = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)} | env
    return subprocess.run(
        [sys.executable, "-m", "builders.cli", *words],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "builder.toml").write_text(GOOD)
    return tmp_path


def test_every_command_has_help_with_an_example(folder: Path) -> None:
    for command in ("parse", "validate", "checkout", "connect", "doctor", "drain", "init", "reproduce"):
        done = rigline_builder(command, "--help", folder=folder)

        assert done.returncode == 0
        assert "Example: " in done.stdout


def test_parse_prints_what_the_file_says(folder: Path) -> None:
    text = rigline_builder("parse", folder=folder)
    data = json.loads(rigline_builder("parse", "--json", folder=folder).stdout)

    assert text.returncode == 0
    assert "board b1 (type nucleo)" in text.stdout and "configuration c1 [debug]" in text.stdout
    assert data["boards"][0]["configurations"][0]["run"] == ["sh", "-c", "echo running; echo 12 > out.txt"]


def test_a_board_has_the_builders_owner_or_its_own(folder: Path) -> None:
    other = GOOD[GOOD.index("[[boards]]") :].replace('"b1"', '"b2"\nowner = "eve@example.org"')
    owned = GOOD.replace('"state"', '"state"\nowner = "ada@example.org"')
    (folder / "builder.toml").write_text(owned + other)

    offers = load(folder / "builder.toml").offers()
    text = rigline_builder("parse", folder=folder).stdout

    assert [each.owner for each in offers] == ["ada@example.org", "eve@example.org"]
    assert "owner      ada@example.org" in text


def test_validate_builds_and_runs_the_tree_as_it_is(folder: Path) -> None:
    done = rigline_builder("validate", folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout.index("building") < done.stdout.index("running") < done.stdout.index("result: 12")


@pytest.mark.parametrize(("use", "is_inside"), [("auto", True), ("never", False)])
def test_validate_runs_scripts_behind_the_walls_that_jobs_meet(folder: Path, use: str, is_inside: bool) -> None:
    (folder / "tree").mkdir()
    script = "touch ../beside made; test $$ -lt 20 && echo alone; echo secret $DEPLOY; exit 0"
    config = GOOD.replace("sh -c 'echo building; test ! -e broken'", f"sh -c '{script}'").replace(
        '"state"', '"state"\nenvironment = ["DEPLOY"]'
    )
    (folder / "builder.toml").write_text(
        config.replace("[[boards]]", f'[builder.sandbox]\nuse = "{use}"\n[[boards]]', 1)
    )

    done = rigline_builder("validate", "--tree", "tree", folder=folder, DEPLOY="of-the-lab")

    assert done.returncode == 0, done.stderr
    assert ("[rigline] sandboxed with a network" in done.stdout) is is_inside
    assert ("alone\n" in done.stdout, (folder / "beside").exists()) == (is_inside, not is_inside)
    assert (folder / "tree" / "made").exists() and "secret of-the-lab" in done.stdout and "result: 12" in done.stdout


def test_validate_stops_after_a_failed_build_and_exits_1(folder: Path) -> None:
    (folder / "broken").touch()

    done = rigline_builder("validate", "--json", folder=folder)

    assert done.returncode == 1
    (check,) = json.loads(done.stdout)
    assert (check["phase"], check["outcome"], check["reason"]) == ("build", "failed", "build: exit status 1")


def test_init_writes_a_file_that_validate_accepts_and_never_over_another(folder: Path) -> None:
    words = ("--config", "new.toml")

    written = rigline_builder(*words, "init", folder=folder)
    validated = rigline_builder(*words, "validate", "--json", folder=folder)
    again = rigline_builder(*words, "init", folder=folder)

    assert written.returncode == 0, written.stderr
    assert validated.returncode == 0, validated.stderr
    assert [(each["phase"], each["outcome"]) for each in json.loads(validated.stdout)] == [
        ("build", "passed"),
        ("run", "passed"),
    ]
    assert (again.returncode, "new.toml exists" in again.stderr) == (1, True)


def test_checkout_puts_the_commit_into_every_tree(folder: Path) -> None:
    project = Project(folder / "project")
    commit = project.commit(file__txt="here")

    done = rigline_builder("checkout", "--remote-url", f"file://{project.path}", "--commit-hash", commit, folder=folder)

    assert done.returncode == 0, done.stderr
    assert f"commit {commit} is checked out" in done.stdout
    (tree,) = (folder / "state" / "work" / "trees" / "b1").iterdir()
    assert (tree / "file.txt").read_text() == "here"


def test_checkout_of_a_commit_that_is_not_there_exits_1(folder: Path) -> None:
    project = Project(folder / "project")
    project.commit()

    done = rigline_builder(
        "checkout", "--remote-url", f"file://{project.path}", "--commit-hash", "1" * 40, folder=folder
    )

    assert done.returncode == 1
    assert "commit not found" in done.stderr


def test_doctor_says_what_is_wrong_and_what_to_try(folder: Path) -> None:
    good = rigline_builder("doctor", folder=folder)
    (folder / "builder.toml").write_text(GOOD.replace('"sh -c', '"missing-program -c'))
    bad = rigline_builder("doctor", "--json", folder=folder)

    assert good.returncode == 0, good.stdout
    assert "what it leaves behind is killed" in good.stdout
    assert bad.returncode == 1
    (finding,) = (each for each in json.loads(bad.stdout) if not each["ok"])
    assert finding["what"] == "script missing-program of b1 - c1" and finding["remedy"]


def test_a_service_that_cannot_be_reached_is_exit_status_3(folder: Path) -> None:
    words = ("-c", "from builders import agent; agent.HELLO_S = 0.1; from builders.cli import main; main()")
    done = subprocess.run(
        [sys.executable, *words, "connect", "--server", "http://127.0.0.1:9"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), "RIGLINE_BUILDER_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 3
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("connect", "--server", "http://127.0.0.1:9"), 1, "no token: set RIGLINE_BUILDER_TOKEN"),
        (("connect", "--server", "ci.example"), 2, "must begin with http:// or https://"),
        (("connect",), 2, "--server"),
        (("reproduce", "1"), 2, "--server"),
        (("reproduce", "1", "--server", "ci.example"), 2, "must begin with http:// or https://"),
        (("reproduce", "1", "--server", "http://127.0.0.1:9"), 3, "cannot be reached"),
        (("drain",), 1, "nothing to drain"),
        (("--config", "none.toml", "parse"), 1, "none.toml: cannot be read"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_wrong_usage_is_said_without_a_traceback(folder: Path, words: tuple[str, ...], status: int, text: str) -> None:
    done = rigline_builder(*words, folder=folder)

    assert done.returncode == status
    assert text in done.stderr and "Traceback" not in done.stderr


def test_the_token_may_be_in_a_file(folder: Path) -> None:
    (folder / "token").write_text("not a token\nof one line\n")

    done = rigline_builder("connect", "--server", "http://127.0.0.1:9", folder=folder,
                           RIGLINE_BUILDER_TOKEN_FILE=str(folder / "token"))  # fmt: skip

    assert done.returncode == 1
    assert "the token is not one" in done.stderr


def test_the_command_starts_without_the_http_client(folder: Path) -> None:
    code = "import sys, builders.cli; print(sorted({'httpx2', 'asyncio', 'ctypes', 'ssl'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("version = 1", "", 'missing key "version": write version = 1'),
        ("version = 1", "version = 2", "version: this builder reads version 1"),
        (
            'tags = ["debug"]',
            'tag = ["debug"]',
            "unknown key \"tag\" in boards[0].configurations[0]: did you mean 'tags'?",
        ),
        ('tags = ["debug"]', 'tags = "debug"', "boards[0].configurations[0].tags: must be a list of texts"),
        ('state_dir = "state"', "parallel_builds = 0", "builder.parallel_builds: must be a number of at least 1"),
        ('name = "c1"', 'name = "c1"\nlimits.builds = 3', "did you mean 'build'?"),
        ('name = "c1"', 'name = "c1"\nlimits.run = 0', "limits.run: must be a number of at least 0.1, not 0"),
        ('name = "c1"', 'name = "c1"\nlimits.grace = 500', "grace: must be at most 120 seconds"),
        ('results = "out.txt"', 'results = "../out.txt"', "results: must not leave the work tree"),
        ('results = "out.txt"', 'artefacts = ["/etc/*"]', "'/etc/*': write a path below the work tree"),
        ('results = "out.txt"', 'artefacts = ["out/../../x"]', "write a path below the work tree"),
        ('results = "out.txt"', 'artefacts = ["out/**.map"]', "** stands alone between slashes"),
        ('run = ["sh"', 'run = ["{tree}"', "unknown placeholder {tree}; valid: worktree, board"),
        ('run = ["sh", "-c", "echo running; echo 12 > out.txt"]', "", 'missing key "run"'),
        ("building; test ! -e broken'", "building; test", "cannot be split into words"),
        ('name = "b1"', 'name = " b1"', "name: must be 1 to 100 printable characters"),
        ('name = "c1"', 'name = "c1"\nenvironment = { RIGLINE_JOB = "1" }', "RIGLINE_JOB is set by the builder"),
        ('name = "b1"', 'name = "b1"\nowner = "ada"', "boards[0].owner: 'ada' is no mailbox"),
        ('state_dir = "state"', 'owner = "a@b.org, c@d.org"', "builder.owner: 'a@b.org, c@d.org' is no mailbox"),
        ("[[boards]]", "[[board]]", "boards: must be written as [[boards]], at least once"),
        ("version = 1", "version = [", "not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place_and_the_way_out(
    folder: Path, old: str, new: str, text: str
) -> None:
    file = folder / "builder.toml"
    file.write_text(GOOD.replace(old, new, 1))

    with pytest.raises(ConfigError) as refused:
        load(file)

    assert str(refused.value).startswith(f"{file}: ")
    assert text in str(refused.value)


def test_two_boards_or_configurations_of_one_name_are_refused(folder: Path) -> None:
    file = folder / "builder.toml"
    board = GOOD[GOOD.index("[[boards]]") :]
    configuration = GOOD[GOOD.index("[[boards.configurations]]") :]

    for text, message in ((GOOD + board, "two boards are named 'b1'"), (GOOD + configuration, "named 'c1'")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load(file)


def test_the_example_configuration_is_valid() -> None:
    config = load(ROOT / "examples" / "lab" / "builder.toml")

    assert len(config.boards) >= 2


def test_every_key_of_the_configuration_is_in_its_reference() -> None:
    text = (ROOT / "docs" / "reference" / "builder-configuration.md").read_text()
    keys = (
        *(
            "version",
            "state_dir",
            "work_dir",
            "parallel_builds",
            "environment",
            "name",
            "type",
            "description",
            "tags",
            "owner",
        ),
        *("build", "run", "results", "artefacts", "limits", "clean", "fetch", "collect", "no_output", "job", "grace"),
        *(
            "worktree",
            "board",
            "configuration",
            "config_dir",
            "build_script",
            "run_script",
            "results_path",
            "library_path",
        ),
        *("RIGLINE_ACTION", "RIGLINE_BOARD", "RIGLINE_CONFIGURATION", "RIGLINE_RESULTS", "RIGLINE_SOCKET"),
        *("RIGLINE_COMMIT", "RIGLINE_REPOSITORY", "RIGLINE_JOB", "RIGLINE_WORKTREE"),
    )
    assert [key for key in keys if f"`{key}`" not in text and f"`{{{key}}}`" not in text] == []


def test_every_command_and_option_is_in_its_reference() -> None:
    text = (ROOT / "docs" / "reference" / "builder-cli.md").read_text()
    lines = {line.split("`")[1].split()[0]: line for line in text.splitlines() if line.startswith("| `")}

    assert set(lines) == set(main.commands)
    for name, command in main.commands.items():
        options = [each for option in command.params for each in option.opts if each.startswith("--")]
        assert [each for each in options if f"`{each}`" not in lines[name]] == [], name
