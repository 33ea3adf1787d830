"""`rigline history BENCHMARK`: how a benchmark moved from commit to commit, as lines of a terminal."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import cell, say_json
from app.cli.results import write_csv
from app.client import Client, Json
from app.history.amounts import amount, percent

MOST_SERIES = 50
MOST_COMMITS = 2000
WIDTH = 60  # characters of a line: more commits are drawn as medians of neighbours
BARS = "▁▂▃▄▅▆▇█"
MARKS = {True: "▲", False: "▼", None: "◆"}
SHORT = 10  # digits of a hash
CSV = ("series", "branch", "board_type", "configuration", "benchmark", "metric", "unit", "commit", "committed_at",
       "job_id", "value", "low", "high", "samples", "change")  # fmt: skip


@click.command()
@click.argument("benchmark")
@click.option("--repository", metavar="OWNER/NAME", help="Only of this one.")
@click.option("--metric", help="Only this one.")
@click.option("--board-type", help="Only from there.")
@click.option("--config", "configuration", help="Only from there.")
@click.option("--branch", help="Of this one, or pull/N for a pull request, instead of the default branch.")
@click.option(
    "--commits", type=click.IntRange(1, MOST_COMMITS), default=60, show_default=True, help="So many of the latest."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a row for each commit.")
@as_json
@asks
def show(client: Client, benchmark: str, commits: int, as_csv: bool, as_json: bool, **where: Any) -> None:
    """Show how a benchmark moved: a line of its latest commits, and where its level shifted. Exits 1 if there is none.

    The word `show` may be left out, unless a benchmark is called like a command.

    \b
    Example:
      rigline history draw/arc --metric time --commits 200
      rigline history show annotate --json
    """
    asked = {**where, "benchmark": benchmark, "default_branch": True if where["branch"] is None else None}
    listed = list(client.items("/series", most=MOST_SERIES, **asked))
    found = [client.get(f"/series/{each['id']}/points", limit=commits) for each in listed]
    if as_json:
        say_json({"items": found})
    elif as_csv:
        write_csv(CSV, [_flat(each["series"], item) for each in found for item in each["items"]])
    elif found:
        click.echo("\n\n".join(_drawn(each) for each in found if each["items"]))
    if not found:
        click.echo(
            f"There is no series of {cell(benchmark)}; `rigline results` shows how benchmarks are called.", err=True
        )
        raise SystemExit(BAD)


def spark(values: Sequence[float], width: int = WIDTH) -> str:
    """Draw values as bars of eight heights; more than fit are drawn as medians of neighbours."""
    drawn = [median(values[start:end]) for start, end in _buckets(len(values), width)]
    lowest, highest = min(drawn), max(drawn)
    reach = highest - lowest
    top = len(BARS) - 1
    return "".join(BARS[round((each - lowest) / reach * top) if reach else top // 2] for each in drawn)


def marks(items: Sequence[Json], width: int = WIDTH) -> str:
    """Mark the places of `spark` at which a level begins; empty if there are none."""
    line = ""
    for start, end in _buckets(len(items), width):
        moves = [each["move"] for each in items[start:end] if each["move"]]
        line += MARKS[max(moves, key=lambda each: abs(each["change"]))["is_worse"]] if moves else " "
    return line.rstrip()


def _buckets(number: int, width: int) -> list[tuple[int, int]]:
    count = min(number, width)
    return [(number * at // count, number * (at + 1) // count) for at in range(count)]


def _drawn(found: Json) -> str:
    series, items = found["series"], found["items"]
    last, unit = items[-1], series["unit"]
    values = [each["value"] for each in items]
    lines = [
        _heading(series),
        f"  {spark(values)}  {amount(last['value'])} {unit}".rstrip(),
        f"  {marks(items)}",
        f"  {len(items)} commits, {amount(min(values))} … {amount(max(values))} {unit}, "
        f"the latest {last['commit'][:SHORT]} {last['title']}",
        *(_move(each, unit) for each in items if each["move"]),
    ]
    return "\n".join(cell(line).rstrip() for line in lines if line.strip())


def _heading(series: Json) -> str:
    params = "".join(f" {name}={value}" for name, value in series["params"].items())
    better = f", {series['better']} is better" if series["better"] else ""
    place = f"{series['board_type']}/{series['configuration']}"
    return f"{series['benchmark']}{params} · {series['metric']}{better} · {place} · {series['branch'] or 'no branch'}"


def _move(item: Json, unit: str) -> str:
    move = item["move"]
    what = f"{MARKS[move['is_worse']]} {percent(move['change'])} at {item['commit'][:SHORT]}"
    return f"  {what}: {amount(move['before'])} → {amount(move['after'])} {unit} ({move['state']})"


def _flat(series: Json, item: Json) -> Json:
    return {**series, **item, "series": series["id"]}
