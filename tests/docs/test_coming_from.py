"""The table for those who come from elsewhere is whole, and points at things that there are."""

import re
from pathlib import Path

import click
import pytest

from app.cli import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/explanation/coming-from.md").read_text()
ROWS = {
    number: rest for number, *rest in re.findall(r"^\| ([CDE]\d+b?) \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
}
OWED = [
    *(f"E{number}" for number in range(48, 79)),
    "E56b",
    *(f"C{number}" for number in range(25, 51)),
    *(f"D{number}" for number in range(1, 40)),
]
COMMAND = re.compile(r"`rigline ((?:[a-z-]+ ?)+)")


def test_every_feature_that_is_owed_has_its_row_and_no_row_is_there_twice() -> None:
    assert sorted(ROWS) == sorted(OWED)
    assert len(re.findall(r"^\| [CDE]\d+b? \|", TEXT, re.MULTILINE)) == len(OWED)


@pytest.mark.parametrize("number", OWED)
def test_a_row_is_shown_by_something_and_its_commands_exist(number: str) -> None:
    _, here, shown = ROWS[number]

    assert re.search(r"`[^`]+`", shown)
    for words in COMMAND.findall(here + shown):
        assert _is_command(words.split()), words


def _is_command(words: list[str]) -> bool:
    """Follow words through the groups of commands; what comes after a command are its arguments."""
    found: click.Command | None = main
    for word in words:
        if not isinstance(found, click.Group):
            return True
        found = found.get_command(click.Context(found), word)
    return found is not None
