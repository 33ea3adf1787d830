"""The container file and the compose example, held against what makes images small, closed and repeatable."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from app.cli import COMMANDS
from app.instance import code
from app.settings import VARIABLES

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/container"
COMPOSE = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())
TEXT = (ROOT / "Containerfile").read_text()
STEPS = [
    tuple(line.split(maxsplit=1))
    for line in TEXT.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
STAGES = [at for at, (verb, _) in enumerate(STEPS) if verb == "FROM"]
LAST = STEPS[STAGES[-1] :]


def said(verb, steps=LAST):
    return [words for each, words in steps if each == verb]


def test_the_image_runs_as_a_user_without_rights_and_says_how_it_is():
    assert len(STAGES) == 2
    assert said("USER") == ["10001:10001"]
    assert STEPS.index(("USER", "10001:10001")) > max(at for at, (verb, _) in enumerate(STEPS) if verb == "RUN")
    assert "/healthz" in said("HEALTHCHECK")[0]
    assert "--timeout" in said("HEALTHCHECK")[0]
    assert said("STOPSIGNAL") == ["SIGTERM"]


def test_the_image_is_made_of_named_versions_and_the_lock():
    bases = [words.split()[0] for words in said("FROM", STEPS)]
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]+", base) for base in bases)
    assert not said("ADD", STEPS)
    assert [words for words in said("RUN", STEPS) if "--require-hashes -r requirements-server.lock" in words]
    assert all("--no-cache-dir" in words for words in said("RUN", STEPS) if "pip install" in words)
    assert [words for words in said("COPY") if not words.startswith("--from=build")] == []  # no sources, no compilers
    assert not re.search(r"(?i)(password|secret|token)\w*=", TEXT)


def test_its_commands_are_words_not_a_shell_that_swallows_signals():
    assert json.loads(said("ENTRYPOINT")[0]) == ["rigline"]
    assert json.loads(said("CMD")[0])[0] in COMMANDS
    names = re.findall(r"(\w+)=", said("ENV")[0])
    assert [name for name in names if name.startswith("RIGLINE_") and name not in VARIABLES] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel of what the container file copies, and of nothing else."""
    source, out = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("wheel")
    for words in said("COPY", STEPS[: STAGES[1]]):
        for name in words.split()[:-1]:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, source]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("rigline-*.whl"))


def test_what_is_copied_is_enough_to_build_and_the_wheel_can_be_installed_as_an_instance(wheel):
    with zipfile.ZipFile(wheel) as found:
        names = set(found.namelist())
    assert {"templates/base.html", "app/cli/__init__.py", code.LOCK_OF_WHEEL} <= names

    with code.opened(wheel, Path(sys.executable)) as source:
        assert source.lock == (ROOT / "requirements-server.lock").read_bytes()
        assert source.wish == wheel


def test_the_context_holds_what_is_copied():
    ignored = (ROOT / ".containerignore").read_text()
    assert (ROOT / ".dockerignore").read_text() == ignored
    copied = {name for words in said("COPY", STEPS[: STAGES[1]]) for name in words.split()[:-1]}
    assert {line.removeprefix("!") for line in ignored.splitlines() if line.startswith("!")} == copied


def test_only_the_proxy_can_be_reached_and_nothing_runs_with_more_rights_than_it_needs():
    services = COMPOSE["services"]

    assert [name for name, each in services.items() if "ports" in each] == ["proxy"]
    assert [name for name, each in services.items() if "restart" not in each] == []
    for name in ("web", "worker", "migrate"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["command"][0] in COMMANDS
    assert all(re.search(r":v?\d", each["image"]) for each in services.values() if "build" not in each)
    volumes = [one.partition(":")[0] for each in services.values() for one in each.get("volumes", ())]
    assert {name for name in volumes if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert [name for name in volumes if name.startswith(".") and not (EXAMPLE / name).exists()] == []


def test_the_example_keeps_its_queue_and_migrates_before_it_starts():
    services = COMPOSE["services"]

    assert {"noeviction", "yes"} <= set(services["valkey"]["command"])
    for name in ("web", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["command"] == ["db", "upgrade"]
    given = services["web"]["environment"]
    assert [name for name in given if name not in VARIABLES] == []
    secrets = [name for name in given if "SECRET" in name]
    assert [name for name in secrets if not given[name].startswith("${")] == []


def test_the_settings_of_the_example_are_made_once_and_are_private(tmp_path):
    script = Path(shutil.copy(EXAMPLE / "settings.sh", tmp_path))
    answers = "rigline.example.org\nada@example.org\n"
    made = subprocess.run([script], input=answers, capture_output=True, text=True, check=True)
    env = tmp_path / ".env"
    values = dict(line.split("=", 1) for line in env.read_text().splitlines())

    again = subprocess.run([script], input=answers, capture_output=True, text=True, check=False)

    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    wanted = set(re.findall(r"\$\{(\w+)", (EXAMPLE / "compose.yaml").read_text()))
    assert set(values) == wanted
    assert len({values[name] for name in values if "SECRET" in name or "PASSWORD" in name}) == 3
    assert "Keep a copy" in made.stderr
    assert (again.returncode, env.read_text().count("\n")) == (1, len(values))
    assert os.access(EXAMPLE / "settings.sh", os.X_OK)
