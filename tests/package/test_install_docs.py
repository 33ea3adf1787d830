"""The pages on installing say what is so: folders, commands, and the words of what can go wrong."""

import re
from pathlib import Path

import pytest

from app.cli import COMMANDS
from app.instance.place import FOLDERS, Place
from app.instance.settings_file import SECTIONS, text
from app.settings import SECRETS, VARIABLES

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs/howto"
PAGES = {name: (HOWTO / f"{name}.md").read_text() for name in ("install", "upgrade", "behind-a-proxy")}
SOURCES = "".join(path.read_text() for path in ROOT.glob("app/**/*.py"))
OF_THE_KEEPER = {"RIGLINE_LOG_BYTES", "RIGLINE_LOG_FILES"}


def test_the_tree_of_the_page_is_the_tree_of_an_instance():
    listed = re.findall(r"^PREFIX/(\S+)", PAGES["install"], re.MULTILINE)
    place = Place(Path("/p"))
    ours = {place.program, place.settings, place.ports, place.certificate.parent, place.data, place.logs, place.venv}

    assert {Path("/p", each) for each in listed} == ours | {Path("/p/tmp")}
    assert {each.partition("/")[0] for each in listed} == {*FOLDERS, "venv"}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_pages_exists(page):
    said = re.findall(r"(?:`|^|/|sudo |web )rigline ([a-z][a-z-]+)", PAGES[page], re.MULTILINE)

    assert said
    assert [command for command in said if command not in COMMANDS] == []


def test_what_the_table_of_troubles_quotes_is_what_rigline_says():
    rows = re.findall(r"^\| (.*?) \|", PAGES["install"].partition("## When something is wrong")[2], re.MULTILINE)
    quoted = [part.strip(" .") for row in rows for words in re.findall(r"`([^`]+)`", row) for part in words.split("…")]

    assert len(rows) > 12
    assert [part for part in quoted if part and part not in SOURCES and not part.startswith("--")] == []


def test_the_settings_file_names_settings_alone_and_says_how_each_is_written():
    names = [name for _, settings in SECTIONS for name, _, _ in settings]
    known = VARIABLES | {f"{name}_FILE" for name in SECRETS} | OF_THE_KEEPER

    assert [name for name in names if name not in known] == []
    written = text("/p", {"RIGLINE_SECRET_KEY": "k"})
    assert [line for line in written.splitlines() if line and not line.startswith("#")] == ["RIGLINE_SECRET_KEY=k"]
    assert all(f"`{name}`" in (ROOT / "docs/reference/settings.md").read_text() for name in OF_THE_KEEPER)
    with pytest.raises(ValueError, match="RIGLINE_NONSENSE"):
        text("/p", {"RIGLINE_NONSENSE": "1"})
