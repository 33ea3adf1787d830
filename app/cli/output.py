"""How commands print: aligned tables, coloured states on a terminal, JSON for programs."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from app import environment

COLOURS = {
    "passed": "green",
    "good": "green",
    "active": "green",
    "failed": "red",
    "errored": "magenta",
    "bad": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
    "awaiting_approval": "yellow",
    "running": "blue",
    "leased": "blue",
    "regressed": "red",
    "improved": "green",
    "undecided": "yellow",
}
# Logs and titles are strangers' text: nothing of it may steer a terminal.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_]|.?)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def say_json(value: Any) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print rows under aligned headings; columns name the key and its heading."""
    cells = [[cell(row.get(key)) for key in columns] for row in rows]
    headings = list(columns.values())
    widths = [max(len(line[at]) for line in [headings, *cells]) for at in range(len(headings))]
    for line in [headings, *cells]:
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        click.echo("  ".join(_coloured(text) for text in padded).rstrip())


def details(thing: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Print one thing line by line; what it does not have is left out."""
    width = max(len(name) for name in names.values()) + 1
    for key, name in names.items():
        if thing.get(key) not in (None, "", [], {}):
            click.echo(f"{name + ':':<{width}} {_coloured(cell(thing[key]))}")


def cell(value: Any) -> str:
    """Write one value for people."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(each) for each in value)
    text = plain(str(value)).replace("\n", " ")
    return f"{text[:10]} {text[11:19]}Z" if _MOMENT.fullmatch(text) else text


def plain(text: str) -> str:
    """Take everything out of a text that would steer a terminal."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def duration(started: str | None, ended: str | None) -> str:
    """Write the time between two moments, or from one until now."""
    if started is None:
        return "–"
    end = datetime.fromisoformat(ended) if ended else datetime.now(UTC)
    seconds = max(0.0, (end - datetime.fromisoformat(started)).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def coloured(state: str) -> str:
    """Colour a state unless nobody wants colours."""
    return _coloured(plain(state))


def _coloured(text: str) -> str:
    colour = COLOURS.get(text.strip())
    if colour is None or not environment.wants_colours():
        return text  # into a file or pipe click.echo writes no colours by itself
    return click.style(text, fg=colour)
