"""`rigline compare`: hold one commit against another on the boards, and say what is certain."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.cli import compared, watching
from app.cli.asking import BAD, as_json, asks
from app.cli.dispatch import PLACES, waited
from app.cli.output import plain, say_json
from app.cli.pipeline import counted
from app.client import Client, Json
from app.history.verdict import Verdict
from app.history.verdicts import Verdicts

JUDGED_S = 60.0  # after the last job: its results are read and judged once more
LOOK_EVERY_S = 0.2

_OPTIONS = (
    *PLACES,
    click.option("--pairs", type=click.IntRange(8, 64), default=64, show_default=True, help="At most so many pairs."),
    click.option(
        "--budget",
        "budget_s",
        type=click.FloatRange(0, min_open=True),
        default=1800.0,
        show_default=True,
        help="Seconds after which no pair is begun.",
    ),
    click.option("--repeat", type=click.IntRange(1, 10), default=1, show_default=True, help="Runs in a side's turn."),
    click.option(
        "--markdown",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        help="Write what came out into this file too, as a comment would say it.",
    ),
    click.option("--fail-on-regression", is_flag=True, help="Exit 1 if a metric is certainly worse."),
)


def _asks_for_comparison(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("base")
@click.argument("head")
@_asks_for_comparison
@as_json
@asks
def compare(client: Client, base: str, head: str, **asked: Any) -> None:
    """Build the commits BASE and HEAD and run them by turns on the same boards, until enough is known.

    Full hashes. Exits 1 if a job did not pass; for a regression only if --fail-on-regression says so.

    \b
    Example:
      rigline compare "$(git merge-base main HEAD)" "$(git rev-parse HEAD)" --repository acme/app --board nucleo
    """
    wait, quiet, as_json, strict = (asked.pop(name) for name in ("wait", "quiet", "as_json", "fail_on_regression"))
    markdown: Path | None = asked.pop("markdown")
    if (asked["remote_url"] is None) == (asked["repository"] is None):
        raise click.UsageError("Give either --remote-url or --repository.")
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}
    opened = client.post("/comparisons", {"base": base.lower(), "head": head.lower(), **given})
    click.echo(f"Pipeline {opened['id']}: {counted(opened)}. {opened['url']}", err=True)
    if not wait:
        say_json(opened) if as_json else click.echo(f"rigline pipeline show {opened['id']}")
        return
    ended = waited(client, opened["id"], quiet=quiet)
    found = [_with_rows(client, each) for each in judged(client, ended)]
    said = compared.view(base.lower(), head.lower(), "", found)
    if as_json:
        say_json({"pipeline": ended, "comparisons": found})
    else:
        _say(ended, said, found)
    if markdown is not None:
        compared.write(said, markdown, opened["url"])
    sys.exit(BAD if ended["state"] != "passed" or (strict and Verdict.REGRESSED in said.counts) else 0)


def judged(client: Client, pipeline: Json) -> list[Json]:
    """Wait until what the jobs measured was judged: that follows their end by a moment."""
    passed = sum(job["state"] == "passed" for job in watching.current(pipeline))
    until = time.monotonic() + JUDGED_S
    while True:
        found = list(client.items("/comparisons", pipeline=pipeline["id"]))
        if (len(found) >= passed and all(each["is_over"] for each in found)) or time.monotonic() > until:
            return found
        time.sleep(LOOK_EVERY_S)


def _with_rows(client: Client, comparison: Json) -> Json:
    return {**comparison, "rows": list(client.items(f"/comparisons/{comparison['id']}/rows"))}


def _say(pipeline: Json, found: Verdicts, comparisons: list[Json]) -> None:
    for job in watching.current(pipeline):
        if job["state"] != "passed":
            click.echo(f"{watching.name(job)} {job['state']}: {plain(job['reason']) or 'no reason given'}")
    compared.say(found)
    for each in comparisons:
        if each["note"]:
            click.echo(f"\n{plain(watching.name(each))}: {plain(each['note'])}")
