"""Every format has a section in the reference, and its example is what the adapter reads."""

import re
import tomllib
from pathlib import Path

import pytest

from app.results.adapters import ADAPTERS, FORMATS, read
from app.results.file import File
from builders import config_format
from builders.config_table import Table
from builders.protocol import WantedFormat

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "result-formats.md"
HOWTO = ROOT / "docs" / "howto" / "add-a-format.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, list[tuple[str, str]]]:
    """Give the fenced examples of each section: language and text."""
    parts = PAGE.read_text().split("\n## ")[1:]
    return {part.partition("\n")[0]: FENCE.findall(part) for part in parts}


def test_every_format_has_a_section_and_every_section_is_of_a_format() -> None:
    assert sorted(sections()) == sorted(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_of_a_format_is_read_as_the_page_says(name: str) -> None:
    examples = sections()[name]
    configured = [text for language, text in examples if language == "toml"]
    wanted = config_format.read(Table(PAGE, "", tomllib.loads(configured[0]))) if configured else None
    (data,) = (text.encode() for language, text in examples if language != "toml")

    reading = read(data, wanted)

    assert reading.format == name and reading.parsed is not None, reading.note
    assert reading.parsed.metrics and not reading.parsed.unmeasured
    assert reading.parsed.ignored == 0


def test_the_adapter_of_the_guide_works_and_takes_no_file_of_others() -> None:
    (code,) = (text for language, text in FENCE.findall(HOWTO.read_text()) if language == "python")
    made: dict = {}
    exec(code, made)
    data = b"stopwatch v1\nboot: 1.25 1.5 1.125\nflash: 8\n"

    assert made["recognise"](File(data)) and not any(each.recognise(File(data)) for each in ADAPTERS)
    parsed = made["parse"](File(data, WantedFormat()))
    assert [(each.benchmark, each.samples, each.better) for each in parsed.metrics] == [
        ("boot", (1.25, 1.5, 1.125), "lower"),
        ("flash", (8.0,), "lower"),
    ]
    assert parsed.ignored == 1
