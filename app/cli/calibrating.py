"""`rigline board calibrate` and `noise`: hold a commit against itself, and see how well a board can tell."""

import sys
from typing import Any

import click

from app.cli import checking
from app.cli.asking import BAD, as_json, asks
from app.cli.checking import of_builder
from app.cli.compare import judged
from app.cli.dispatch import waited
from app.cli.output import plain, say_json, table
from app.client import Client, Json

NOISE = {"repository": "REPOSITORY", "configuration": "CONFIGURATION", "benchmark": "BENCHMARK", "metric": "METRIC"}
NOISE |= {"pairs": "PAIRS", "sigma": "NOISE", "drift": "DRIFT", "needed": "NEEDED", "trials": "TRIALS"}
NOISE |= {"false_alarms": "FALSE"}
MOST_ROWS = 1000


@click.command()
@click.argument("name")
@of_builder
@click.option("--remote-url", metavar="URL", help="Where to fetch from: a configured forge, or an allowed remote.")
@click.option("--repository", metavar="OWNER/NAME", help="One that is served, instead of --remote-url.")
@click.option("--commit-hash", required=True, help="Full hash.")
@click.option("--config", "configurations", multiple=True, help="Only this configuration; may be repeated.")
@click.option("--pairs", type=click.IntRange(8, 64), default=64, show_default=True, help="So many pairs.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end, and print the noise.")
@asks
def calibrate(client: Client, name: str, builder: str | None, **asked: Any) -> None:
    """Hold a commit against itself on a board: what differs then is noise. Exits 1 if a job did not pass.

    \b
    Example:
      rigline board calibrate nucleo-1 --repository acme/app --commit-hash "$(git rev-parse main)" --pairs 32
    """
    if (asked["remote_url"] is None) == (asked["repository"] is None):
        raise click.UsageError("Give either --remote-url or --repository.")
    wait, commit = asked.pop("wait"), asked.pop("commit_hash").lower()
    configurations = list(asked.pop("configurations"))
    body = {**asked, "base": commit, "head": commit, "boards": [name], "configurations": configurations}
    opened = client.post("/comparisons", body)
    click.echo(f"Pipeline {opened['id']}. {opened['url']}", err=True)
    if not wait:
        return
    ended = waited(client, opened["id"], quiet=True)
    judged(client, ended)
    _say(_noise(client, name, builder))
    sys.exit(0 if ended["state"] == "passed" else BAD)


@click.command()
@click.argument("name")
@of_builder
@as_json
@asks
def noise(client: Client, name: str, builder: str | None, as_json: bool) -> None:
    """Show how noisy a board is, by what equal builds differed on it, and how often they seemed to differ.

    \b
    Example:
      rigline board noise nucleo-1
    """
    found = _noise(client, name, builder)
    if as_json:
        say_json(found)
    else:
        _say(found)


def _noise(client: Client, name: str, builder: str | None) -> Json:
    path, query = checking.path(name, None, "/noise"), {"builder": builder}
    found: Json = client.get(path, **query)
    return {**found, "items": list(client.items(path, most=MOST_ROWS, **query))}


def _say(found: Json) -> None:
    if not found["items"]:
        click.echo("Nothing is known yet: `rigline board calibrate` measures it.")
        return
    table([_line(each) for each in found["items"]], NOISE)
    click.echo(
        f"{found['false_alarms']} of {found['trials']} comparisons of equal builds were called changed at the level of "
        f"1 % (99 % interval of the rate: {found['low']:.1%} … {found['high']:.1%})."
    )


def _line(row: Json) -> Json:
    sigma = None if row["sigma"] is None else f"{row['sigma']:.2%}"
    drift = None if row["drift"] is None else f"{row['drift']:.2f}{' (certain)' if row['drifts'] else ''}"
    return {**row, "benchmark": plain(row["benchmark"]), "sigma": sigma, "drift": drift}
