"""What comparisons came to, on a terminal and in a file: the words and the order are those of pages and comments."""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from statistics import median

import click

from app.cli.output import plain, table
from app.client import Json
from app.history import verdicts
from app.history.verdict import Verdict
from app.history.verdicts import ComparedRow, ComparedTarget, Verdicts
from app.reporting import verdict_markdown, verdict_words

COLUMNS = {
    "sign": "",
    "verdict": "VERDICT",
    "name": "BENCHMARK",
    "values": "BASE → HEAD",
    "change": "CHANGE, INTERVAL",
    "pairs": "PAIRS",
    "note": "NOTE",
}


def view(base: str, head: str, why: str, comparisons: Iterable[Json]) -> Verdicts:
    """Make one view of what the API tells: comparisons, each with its rows."""
    return verdicts.whole(base, why, head, [_target(each) for each in comparisons])


def _target(told: Json) -> ComparedTarget:
    rows = [_row(each) for each in told["rows"]]
    named = ("pipeline_id", "job_id", "board_type", "configuration", "board", "is_over", "pairs", "looks")
    found = ComparedTarget(
        comparison_id=told["id"],
        is_interleaved=told["kind"] == "interleaved",
        same_binary=told["base_binary"] is not None and told["base_binary"] == told["head_binary"],
        **{name: told[name] for name in named},
    )
    return verdicts.target(found, rows, verdicts.tally(rows))


def _row(told: Json) -> ComparedRow:
    known = {each.name for each in fields(ComparedRow)} - {"verdict", "base_values", "head_values", "accepted"}
    base, head = told["base_values"], told["head_values"]
    return ComparedRow(
        **{name: value for name, value in told.items() if name in known},
        verdict=Verdict(told["verdict"]),
        base=median(base) if base else None,
        head=median(head) if head else None,
        pairs=min(len(base), len(head)),
    )


def say(found: Verdicts) -> None:
    """Print the verdict first, then each target with its rows, the worst first."""
    mean = verdict_words.mean(found.ratio, found.in_mean)
    click.echo(_first(" · ".join(each for each in (verdict_words.headline(found), mean) if each)))
    click.echo(f"{plain(found.head[:10])} against {plain(verdict_words.baseline(found))}")
    for each in found.targets:
        board = f" on {plain(each.board)}" if each.board else ""
        where = f"{plain(each.board_type)}/{plain(each.configuration)}"
        click.echo(f"\n{where}{board}: {verdict_words.target_line(each)}")
        if each.rows:
            table([_line(row) for row in each.rows], COLUMNS)


def _line(row: ComparedRow) -> Json:
    return {
        "sign": verdict_words.SIGNS[row.verdict],
        "verdict": verdict_words.WORDS[row.verdict],
        "name": verdict_words.name(row),
        "values": verdict_words.values(row),
        "change": verdict_words.change(row),
        "pairs": row.pairs or "",
        "note": row.note,
    }


def write(found: Verdicts, path: Path, page: str) -> None:
    """Write the same as Markdown, as for a comment of one's own."""
    path.write_text(verdict_markdown.whole(found, page), encoding="utf-8")


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
