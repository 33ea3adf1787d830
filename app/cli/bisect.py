"""`rigline bisect`: find the commit that shifted a level, on the boards that show it."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import details, plain, say_json, table
from app.client import Client, Json

LOOK_EVERY_S = 1.0
LIST = {"id": "BISECTION", "state": "STATE", "culprit_": "CULPRIT", "commits": "COMMITS", "steps_": "TRIED"}
LIST |= {"benchmark": "BENCHMARK", "metric": "METRIC", "board_type": "BOARD", "repository": "REPOSITORY"}
DETAILS = {
    "id": "bisection",
    "repository": "repository",
    "shift_id": "alert",
    "state": "state",
    "culprit": "culprit",
    "note": "note",
    "good": "good",
    "bad": "bad",
    "commits": "commits",
    "benchmark": "benchmark",
    "metric": "metric",
    "board_type": "board type",
    "board": "board",
    "configuration": "configuration",
    "asked_by": "asked by",
    "asked_at": "asked at",
    "ended_at": "ended at",
}
STEPS = {"number": "STEP", "commit": "COMMIT", "tried": "LEVEL", "change_": "CHANGE", "interval": "INTERVAL"}
STEPS |= {"pipeline_id": "PIPELINE", "note": "NOTE"}


@click.group()
def bisect() -> None:
    """Find the commit that shifted a level: run commits by turns with the last good one."""


@bisect.command()
@click.argument("good", required=False)
@click.argument("bad", required=False)
@click.option("--alert", "shift", type=int, help="Explain this alert; it says all the rest.")
@click.option("--repository", metavar="OWNER/NAME", help="Of this repository.")
@click.option("--remote-url", metavar="URL", help="Of the repository there; with --checkout.")
@click.option("--benchmark", help="By this benchmark.")
@click.option("--metric", help="By this metric of it.")
@click.option("--board-type", help="On boards of this type.")
@click.option("--config", "configuration", help="With this configuration.")
@click.option("--board", help="Only on this board of the type.")
@click.option("--budget", "budget_s", type=click.FloatRange(0, min_open=True), help="Seconds for one comparison.")
@click.option(
    "--checkout",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the commits from this clone instead of asking the forge.",
)
@click.option("--wait/--no-wait", default=True, help="Wait for the end; that is the default.")
@as_json
@asks
def start(client: Client, checkout: Path | None, wait: bool, as_json: bool, **asked: Any) -> None:
    """Search the commits after GOOD up to BAD (full hashes), or explain an alert.

    Exits 0 if one commit is found, 1 if not. Ctrl-C only ends the waiting; the search goes on.

    \b
    Examples:
      rigline bisect start --alert 12
      rigline bisect start GOOD BAD --repository acme/app --benchmark boot --metric time \\
        --board-type nucleo --config release --checkout .
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if checkout is not None:
        if not given.get("good") or not given.get("bad"):
            raise click.UsageError("--checkout needs GOOD and BAD.")
        given["commits"] = _commits(checkout, given["good"], given["bad"])
    begun = client.post("/bisections", given)
    click.echo(f"Bisection {begun['id']}: {begun['commits']} commits after {begun['good'][:10]}.", err=True)
    if not wait:
        say_json(begun) if as_json else click.echo(f"rigline bisect show {begun['id']}")
        return
    ended = _watch(client, begun["id"])
    say_json(ended) if as_json else _say(ended)
    sys.exit(0 if ended["state"] == "found" else BAD)


@bisect.command("list")
@click.option("--repo", "repository", metavar="OWNER/NAME", help="Only of this repository.")
@click.option("--alert", "shift", type=int, help="Only of this alert.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@as_json
@asks
def list_(client: Client, limit: int, as_json: bool, **chosen: Any) -> None:
    """List searches, the newest first.

    \b
    Example:
      rigline bisect list --repo lvgl/lvgl
    """
    found = list(client.items("/bisections", most=limit, **chosen))
    if as_json:
        say_json({"items": found})
    else:
        table([each | {"culprit_": (each["culprit"] or "")[:10], "steps_": len(each["steps"])} for each in found], LIST)


@bisect.command()
@click.argument("bisection", type=int)
@as_json
@asks
def show(client: Client, bisection: int, as_json: bool) -> None:
    """Show one search with its steps.

    \b
    Example:
      rigline bisect show 3
    """
    found = client.get(f"/bisections/{bisection}")
    say_json(found) if as_json else _say(found)


@bisect.command()
@click.argument("bisection", type=int)
@asks
def cancel(client: Client, bisection: int) -> None:
    """End a search, and cancel what runs for it.

    \b
    Example:
      rigline bisect cancel 3
    """
    client.post(f"/bisections/{bisection}/cancel", {})
    click.echo(f"bisection {bisection} is cancelled")


def _commits(checkout: Path, good: str, bad: str) -> list[str]:
    asked = ["git", "rev-list", "--first-parent", "--reverse", "--end-of-options", f"{good}..{bad}"]
    found = subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if found.returncode != 0:
        raise click.UsageError(f"git in {checkout} says: {found.stderr.strip()}")
    return found.stdout.split()


def _watch(client: Client, bisection: int) -> Json:
    """Say each step as it ends."""
    said = 0
    while True:
        found: Json = client.get(f"/bisections/{bisection}")
        ended = [each for each in found["steps"] if each["tried"] is not None]
        for step in ended[said:]:
            change = "" if step["change"] is None else f" {_percent(step['change'])}"
            note = f" ({plain(step['note'])})" if step["note"] else ""
            click.echo(f"  {step['commit'][:10]} {step['tried']}{change}{note}", err=True)
        said = len(ended)
        if found["state"] != "running":
            return found
        time.sleep(LOOK_EVERY_S)


def _say(found: Json) -> None:
    details(found, DETAILS)
    click.echo()
    table([_step(each) for each in found["steps"]], STEPS)


def _step(step: Json) -> Json:
    interval = None if step["low"] is None else f"{_percent(step['low'])} … {_percent(step['high'])}"
    change = None if step["change"] is None else _percent(step["change"])
    return {**step, "commit": step["commit"][:10], "change_": change, "interval": interval}


def _percent(change: float) -> str:
    return f"{100 * change:+.1f} %"
