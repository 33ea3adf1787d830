"""`rigline compare` says in a terminal, and in a file, what pages and comments say."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from app.cli import compared
from app.history.verdict import Verdict
from app.history.verdicts import Verdicts
from tests.compared import BETTER, WORSE, row

BASE, HEAD = "b" * 40, "c" * 40


def told(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Give a comparison as the API does."""
    target = {"id": 1, "pipeline_id": 2, "job_id": 3, "board_type": "nucleo", "configuration": "fast", "board": "n1"}
    state = {"kind": "interleaved", "pairs": 16, "looks": 2, "is_over": True, "base_binary": None, "head_binary": None}
    return {**target, **state, **more, "rows": [{**each, "verdict": each["verdict"].value} for each in rows]}


ROWS = [
    row("same", Verdict.UNCHANGED, change=0.0, low=-0.01, high=0.01),
    row("draw", **WORSE, base_values=[10.0, 10.0, 11.0], head_values=[11.0, 11.0, 12.0], note="capped at 61"),
    row("text", Verdict.IMPROVED, **BETTER),
    row("fresh", Verdict.NEW, base_values=[]),
]


def seen(*comparisons: dict[str, Any]) -> Verdicts:
    return compared.view(BASE, HEAD, "named by ann", comparisons)


def printed(found: Verdicts, *, colour: bool = False) -> str:
    @click.command()
    def command() -> None:
        compared.say(found)

    return CliRunner().invoke(command, color=colour).output


def test_the_verdict_stands_first_and_the_worst_row_before_the_others() -> None:
    lines = printed(seen(told(ROWS))).splitlines()

    assert lines[0].startswith("1 regressed, 1 improved, 1 unchanged, 1 new · 5.7 % better on geometric average of 3")
    assert lines[1] == "cccccccccc against named by ann, bbbbbbbbbb"
    assert lines[3].startswith("nucleo/fast on n1: 1 regressed, 1 improved, 1 unchanged, 1 new")
    assert [line.split()[:2] for line in lines[5:]] == [
        ["▲", "regressed"],
        ["▼", "improved"],
        ["=", "unchanged"],
        ["+", "new"],
    ]
    assert "10 → 11 ms" in lines[5]
    assert "+4.9 % (+3.1 % … +6.7 %)" in lines[5]
    assert lines[5].endswith("3      capped at 61")


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = seen(told(ROWS))

    assert "\x1b[" not in printed(found)
    assert "\x1b[31mregressed" in printed(found, colour=True)


def test_nothing_compared_is_said_too() -> None:
    assert printed(seen()).splitlines()[0] == "Nothing compared yet"


def test_names_of_strangers_do_not_steer_a_terminal() -> None:
    hostile = row("\x1b[2J\u202edraw\nline", **WORSE, metric="a\tb", unit="\x07", note="\x1b]0;title\x07note")

    text = printed(seen(told([hostile], board="\x1b[31mboard", configuration="\x1b[1mfast")))
    assert not set("\x1b\x07\u202e\t") & set(text)
    assert len(text.splitlines()) == 6


def test_the_same_is_written_as_markdown(tmp_path: Path) -> None:
    compared.write(seen(told(ROWS)), tmp_path / "said.md", "https://rigline.example/pipelines/2")

    text = (tmp_path / "said.md").read_text()
    assert text.splitlines()[0] == "**1 regressed, 1 improved, 1 unchanged, 1 new**"
    assert (
        "Commit `cccccccccc` against `named by ann` `bbbbbbbbbb` · [all numbers](https://rigline.example/pipelines/2)"
        in text
    )
    assert "- ▲ `draw time`: certainly worse, +4.9 % (+3.1 % … +6.7 %)" in text
    assert "| ▼ | `text time` | `10 → 10 ms` | −20.0 % (−22.0 % … −18.0 %) | certainly better |" in text
