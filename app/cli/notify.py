"""`rigline notify`: who is told of alerts of histories, of failed pipelines and of boards."""

import sys
from typing import Any

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import say_json, table
from app.client import Client

EVENTS = (
    *("opened", "improved", "reopened", "recovered", "triaged", "withdrawn", "pipeline_failed"),
    *("board_out", "board_good", "builder_away", "builder_back"),
)
LIST = {"id": "SUBSCRIPTION", "channel": "BY", "address": "TO", "repository": "REPOSITORY", "events": "OF"}
LIST |= {"sent_at": "LAST ARRIVED", "waiting": "WAITING", "error": "ERROR", "ended_why": "ENDED"}


@click.group()
def notify() -> None:
    """Say who is told of alerts, failed pipelines and boards, by mail or webhook."""


@notify.command()
@click.argument("channel", type=click.Choice(["mail", "webhook"]))
@click.argument("address")
@click.option("--repo", "repository", metavar="OWNER/NAME", help="Only of this; without it of all, and of boards.")
@click.option(
    "--event", "events", type=click.Choice(EVENTS), multiple=True, help="Of this; may be given several times."
)
@as_json
@asks
def add(client: Client, repository: str | None, events: tuple[str, ...], as_json: bool, **where: str) -> None:
    """Tell an address. Without --event: of alerts that opened, are open again, or recovered.

    The secret that a webhook is signed with is printed this once.

    \b
    Example:
      rigline notify add mail ada@example.org --repo lvgl/lvgl --event opened --event pipeline_failed
    """
    given: dict[str, Any] = {**where, "repository": repository}
    if events:
        given["events"] = list(events)
    made = client.post("/subscriptions", given)
    if as_json:
        say_json(made)
        return
    click.echo(f"subscription {made['id']}")
    if made["secret"]:
        click.echo(f"secret {made['secret']}")


@notify.command("list")
@click.option("--ended", is_flag=True, help="Also those that have ended.")
@as_json
@asks
def list_(client: Client, ended: bool, as_json: bool) -> None:
    """List who is told of what, and whether it arrives.

    \b
    Example:
      rigline notify list
    """
    found = list(client.items("/subscriptions", ended="true" if ended else None))
    if as_json:
        say_json({"items": found})
    else:
        table([each | {"repository": _of(each)} for each in found], LIST)


def _of(each: dict[str, Any]) -> str:
    return "own boards" if each["of_owner"] else each["repository"] or "all"


@notify.command()
@click.argument("subscription", type=int)
@asks
def test(client: Client, subscription: int) -> None:
    """Send a test now. Exits 1, and says why, if it does not arrive.

    \b
    Example:
      rigline notify test 3
    """
    told = client.post(f"/subscriptions/{subscription}/test")
    if not told["arrived"]:
        click.echo(f"Error: {told['error']}", err=True)
        sys.exit(BAD)
    click.echo("It arrived.")


@notify.command()
@click.argument("subscription", type=int)
@asks
def resume(client: Client, subscription: int) -> None:
    """Let a subscription go on that has ended, as one that was given up. What happened meanwhile is not told.

    \b
    Example:
      rigline notify resume 3
    """
    client.post(f"/subscriptions/{subscription}/resume")
    click.echo(f"subscription {subscription} goes on")


@notify.command()
@click.argument("subscription", type=int)
@asks
def remove(client: Client, subscription: int) -> None:
    """End a subscription; what is on its way is not sent any more.

    \b
    Example:
      rigline notify remove 3
    """
    client.delete(f"/subscriptions/{subscription}")
    click.echo(f"subscription {subscription} has ended")
