"""`rigline alerts`: where histories moved, what people say of it, and what raises no alarm for a while."""

import sys
from typing import Any

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import details, say_json, table
from app.client import Client

STATES = ("new", "acknowledged", "expected", "noise", "infrastructure", "fixed", "wont_fix")
MOST = 50
LIST = {"id": "ALERT", "state": "STATE", "change_": "CHANGE", "benchmark": "BENCHMARK", "metric": "METRIC"}
LIST |= {
    "change_points": "SERIES",
    "boards": "BOARDS",
    "until_": "UNTIL",
    "repository": "REPOSITORY",
    "opened_at": "SINCE",
}
DETAILS = {
    "id": "alert",
    "repository": "repository",
    "branch": "branch",
    "state": "state",
    "is_overdue": "overdue",
    "is_muted": "muted",
    "after": "after commit",
    "until": "until commit",
    "title": "title",
    "said_by": "said by",
    "reason": "reason",
    "link": "link",
    "assignee": "assignee",
    "agreed": "agreed up to",
    "opened_at": "since",
    "closed_at": "closed",
    "url": "page",
}
POINTS = {"benchmark": "BENCHMARK", "metric": "METRIC", "board_type": "BOARD", "configuration": "CONFIGURATION"}
POINTS |= {"before": "BEFORE", "after": "AFTER", "unit": "UNIT", "change_": "CHANGE", "interval": "99 % INTERVAL"}
MUTES = {"id": "MUTE", "repository": "REPOSITORY", "benchmark": "BENCHMARK", "metric": "METRIC", "board_type": "BOARD"}
MUTES |= {"until_at": "UNTIL", "said_by": "SAID BY", "reason": "REASON"}
of_repository = click.option("--repo", "repository", metavar="OWNER/NAME", help="Only of this repository.")


@click.group()
def alerts() -> None:
    """Look at where histories moved, judge it, and mute what is not to be trusted."""


@alerts.command("list")
@of_repository
@click.option("--state", type=click.Choice([*STATES, "recovered", "every"]), help="Default: new and acknowledged.")
@click.option("--benchmark", help="Only with this benchmark.")
@click.option("--overdue", is_flag=True, help="Only new ones that nobody has looked at for a week.")
@click.option("--limit", type=click.IntRange(1), default=MOST, show_default=True, help="At most so many.")
@as_json
@asks
def list_(client: Client, state: str | None, overdue: bool, limit: int, as_json: bool, **chosen: Any) -> None:
    """List alerts, the newest first. Exits 1 if one is new and for the worse.

    \b
    Example:
      rigline alerts list --repo lvgl/lvgl
    """
    every = "true" if state == "every" else None
    query = {"state": None if every else state, "every": every, "overdue": "true" if overdue else None, **chosen}
    found = list(client.items("/shifts", most=limit, **query))
    if as_json:
        say_json({"items": found})
    else:
        table([_row(each) for each in found], LIST)
    if any(each["state"] == "new" and each["is_worse"] and not each["is_muted"] for each in found):
        sys.exit(BAD)


@alerts.command()
@click.argument("alert", type=int)
@as_json
@asks
def show(client: Client, alert: int, as_json: bool) -> None:
    """Show one alert with its largest change points.

    \b
    Example:
      rigline alerts show 12
    """
    found = client.get(f"/shifts/{alert}")
    found["items"] = list(client.items(f"/shifts/{alert}/change-points", most=MOST))
    if as_json:
        say_json(found)
        return
    agreed = found["agreed_change"]
    details(found | {"agreed": None if agreed is None else _percent(agreed)}, DETAILS)
    click.echo()
    table([_row(each) for each in found["items"]], POINTS)


@alerts.command("set")
@click.argument("alert", type=int)
@click.option("--state", type=click.Choice(STATES), help="What is to be thought of it.")
@click.option("--reason", help="For other people.")
@click.option("--link", help="Such as an issue's address.")
@click.option("--assignee", help="Who looks after it.")
@asks
def set_(client: Client, alert: int, **said: str | None) -> None:
    """Judge an alert. It holds until the shift grows; then the alert is new again.

    \b
    Example:
      rigline alerts set 12 --state expected --reason "more features" --link https://example.org/issues/7
    """
    given = {name: value for name, value in said.items() if value is not None}
    if not given:
        raise click.UsageError("Say something of it: --state, --reason, --link or --assignee.")
    found = client.post(f"/shifts/{alert}", given)
    click.echo(f"alert {found['id']} is {found['state'].replace('_', ' ')}")


@alerts.command()
@click.argument("alert", type=int)
@click.option("--most", type=click.IntRange(1, 20), default=4, show_default=True, help="At most so many commits.")
@asks
def backfill(client: Client, alert: int, most: int) -> None:
    """Measure untested commits of an alert's range; its range becomes narrower by itself.

    \b
    Example:
      rigline alerts backfill 12 --most 8
    """
    found = client.post(f"/shifts/{alert}/backfill", {"most": most})
    click.echo(f"queued: {', '.join(f'pipeline {each}' for each in found['pipelines'])}")


@alerts.command()
@click.argument("benchmark", required=False)
@click.option("--repo", "repository", metavar="OWNER/NAME", required=True, help="Of this repository.")
@click.option("--metric", help="Only this one of the benchmark.")
@click.option("--board-type", help="Only on these boards; without a benchmark all that is measured there.")
@click.option("--days", type=float, default=30.0, show_default=True, help="For so long.")
@click.option("--reason", required=True, help="For other people.")
@asks
def mute(client: Client, **said: Any) -> None:
    """Let a benchmark, or a type of boards, raise no alarm and fail no status for a while.

    \b
    Example:
      rigline alerts mute boot --repo lvgl/lvgl --days 14 --reason "depends on the weather"
    """
    given = {name: value for name, value in said.items() if value is not None}
    found = client.post("/mutes", given)
    click.echo(f"mute {found['id']} until {found['until_at']}")


@alerts.command()
@click.argument("mute", type=int)
@asks
def unmute(client: Client, mute: int) -> None:
    """End a mute now.

    \b
    Example:
      rigline alerts unmute 3
    """
    client.delete(f"/mutes/{mute}")
    click.echo(f"mute {mute} is over")


@alerts.command()
@of_repository
@as_json
@asks
def muted(client: Client, repository: str | None, as_json: bool) -> None:
    """List what raises no alarm now.

    \b
    Example:
      rigline alerts muted
    """
    found = list(client.items("/mutes", repository=repository))
    if as_json:
        say_json({"items": found})
    else:
        table(found, MUTES)


def _row(of: dict[str, Any]) -> dict[str, Any]:
    interval = f"{_percent(of['low'])} … {_percent(of['high'])}" if of.get("low") is not None else None
    until = of.get("until", "")[:10]
    return of | {"change_": _percent(of["change"]), "interval": interval, "until_": until}


def _percent(change: float | None) -> str | None:
    return None if change is None else f"{change * 100:+.1f} %"
