"""`make test`: a test that fails beside others is decided alone, and what is broken stays red."""

import importlib.util
import sys

import pytest

from tests.ground.processes import ROOT

FLAKY = """
from pathlib import Path
def test_first_time_unlucky():
    seen = Path({folder!r}) / "seen"
    was_here = seen.exists()
    seen.touch()
    assert was_here
"""
BROKEN = "def test_broken(): assert False\n"
GOOD = "def test_good(): pass\n"


@pytest.fixture
def bootstrap(tmp_path, monkeypatch):
    """Give the script, as if a small folder of tests were the project."""
    known = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    made = importlib.util.module_from_spec(known)
    known.loader.exec_module(made)
    monkeypatch.setattr(made, "ROOT", tmp_path)
    monkeypatch.setattr(made, "PYTHON", sys.executable)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return made


@pytest.mark.parametrize(
    ("tests", "status", "said"),
    [
        ([GOOD], 0, None),
        ([GOOD, FLAKY], 0, "1 failed beside the others; once more, alone: test_1.py::test_first_time_unlucky"),
        ([FLAKY, BROKEN], 1, "2 failed beside the others; once more, alone: "),
        ([BROKEN] * 6, 1, None),
    ],
)
def test_a_few_failures_are_decided_alone(bootstrap, tmp_path, capfd, tests, status, said):
    for number, text in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(text.format(folder=str(tmp_path)))

    ended = bootstrap.test([])

    words = "".join(capfd.readouterr())
    assert ended == status
    assert said in words if said else "once more" not in words
    assert ("Alone they pass" in words) == (FLAKY in tests and not status)
