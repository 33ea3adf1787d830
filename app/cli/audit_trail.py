"""`rigline admin audit`: who did what, when and from where."""

from itertools import islice
from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json, table
from app.client import Client

COLUMNS = {"at": "WHEN", "actor": "WHO", "action": "WHAT", "detail": "ABOUT", "repository": "REPOSITORY"}


@click.command()
@click.option("--actor", help="Only what this one did.")
@click.option("--action", help="Only this, as `token.created`, or `token` for all of tokens.")
@click.option("--origin", help="Only from there: an address, `local socket` or `forge`.")
@click.option("--repository", help="Only in this repository, by full name.")
@click.option("--since", help="Only from this moment on, as 2026-01-31T00:00:00Z.")
@click.option("--until", help="Only before this moment.")
@click.option("--all", "by_itself", is_flag=True, help="Also what nobody asked for, as each move of a job.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Lines, at most.")
@as_json
@asks
def audit(client: Client, by_itself: bool, limit: int, as_json: bool, **wanted: str | None) -> None:
    """Tell who did what, when and from where, the newest first.

    \b
    Example:
      rigline admin audit --action token --since 2026-01-31T00:00:00Z
    """
    asked: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if by_itself:
        asked["by_itself"] = "true"
    found = list(islice(client.items("/audit", **asked), limit))
    if as_json:
        say_json(found)
    else:
        table([{**each, "detail": _about(each)} for each in found], {**COLUMNS, "origin": "FROM", "means": "BY"})


def _about(line: dict[str, Any]) -> str:
    return f"{line['detail']} ({line['times']} times)" if line["times"] > 1 else str(line["detail"])
