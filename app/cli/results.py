"""`rigline results`: what a job, or all jobs of a commit, measured."""

import csv
import sys
from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.output import cell, plain, say_json, table
from app.client import Client, Json
from app.history.amounts import amount

MOST = 20_000  # rows of one command
COLUMNS = {
    "benchmark": "BENCHMARK",
    "metric": "METRIC",
    "median": "MEDIAN",
    "unit": "UNIT",
    "range": "LOW … HIGH",
    "count": "SAMPLES",
    "place": "BOARD TYPE / CONFIGURATION",
    "branch": "BRANCH",
    "job_id": "JOB",
}
CSV = ("job_id", "branch", "board_type", "configuration", "benchmark", "params", "version", "metric", "unit", "better",
       "value", "low", "high", "count", "samples")  # fmt: skip


@click.command()
@click.argument("job", type=int, required=False)
@click.option("--commit", metavar="HASH", help="Full hash, instead of a job.")
@click.option("--repository", metavar="OWNER/NAME", help="Only of this one; a commit may be in several.")
@click.option("--benchmark", help="Only this one.")
@click.option("--metric", help="Only this one.")
@click.option("--board-type", help="Only from there.")
@click.option("--config", "configuration", help="Only from there.")
@click.option("--branch", help="Only of this one; pull/N for a pull request.")
@click.option("--samples", is_flag=True, help="With the raw samples, in the order they were taken.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@as_json
@asks
def results(
    client: Client, job: int | None, *, commit: str | None, samples: bool, as_csv: bool, as_json: bool, **where: Any
) -> None:
    """Show what a job measured, or with --commit what all jobs of a commit did.

    \b
    Example:
      rigline results 12
      rigline results --commit "$(git rev-parse HEAD)" --board-type nucleo-f7
    """
    if (job is None) == (commit is None):
        raise click.UsageError("Give either a job or --commit.")
    asked = {"job": job, "commit": commit.lower() if commit else None, "samples": samples or None, **where}
    found = _all(client, asked)
    if as_json:
        say_json(found)
    elif as_csv:
        write_csv(CSV, found["items"])
    else:
        _say(found, samples=samples)


def write_csv(columns: tuple[str, ...], rows: list[Json]) -> None:
    """Print rows as CSV; a list is one cell, with spaces between."""
    out = csv.writer(sys.stdout)
    out.writerow(columns)
    for row in rows:
        out.writerow([_csv_cell(row[name]) for name in columns])


def _csv_cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" for name, each in value.items())
    return plain(value) if isinstance(value, str) else value


def _all(client: Client, asked: Json) -> Json:
    """Read all pages; what executions said is on the first one."""
    first = client.get("/results", limit=200, **asked)
    found, cursor = {"items": first["items"], "executions": first["executions"]}, first["next"]
    while cursor is not None and len(found["items"]) < MOST:
        page = client.get("/results", limit=200, cursor=cursor, **asked)
        found["items"] += page["items"]
        cursor = page["next"]
    return found


def _say(found: Json, *, samples: bool) -> None:
    rows = [_row(each) for each in found["items"]]
    if rows:
        table(rows, {**COLUMNS, "raw": "RAW"} if samples else COLUMNS)
    else:
        click.echo("Nothing was measured.")
    for each in found["executions"]:
        for benchmark, why in each["unmeasured"].items():
            click.echo(f"Job {each['job_id']}: {cell(benchmark)} was not measured: {cell(why)}")


def _row(each: Json) -> Json:
    params = " ".join(f"{name}={value}" for name, value in each["params"].items())
    return {
        **each,
        "benchmark": f"{each['benchmark']} {params}".strip(),
        "median": amount(each["value"]),
        "range": f"{amount(each['low'])} … {amount(each['high'])}" if each["count"] > 1 else None,
        "place": f"{each['board_type']}/{each['configuration']}",
        "raw": " ".join(f"{one:.15g}" for one in each["samples"] or ()) or None,
    }
