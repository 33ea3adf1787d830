"""`rigline board`: how well boards are, and what their owners say of them."""

import sys
from typing import Any

import click

from app.cli import checking
from app.cli.asking import BAD, as_json, asks
from app.cli.calibrating import calibrate, noise
from app.cli.checking import of_builder
from app.cli.output import details, plain, say_json, table
from app.client import Client

LIST = {"name": "BOARD", "type": "TYPE", "builder": "BUILDER", "health": "HEALTH", "health_reason": "REASON"}
LIST |= {"checked_at": "CHECKED", "held_until": "HELD UNTIL", "job_id": "JOB"}
DETAILS = {
    "name": "board",
    "type": "type",
    "builder": "builder",
    "description": "description",
    "owner": "owner",
    "tags": "tags",
    "configurations": "configurations",
    "health": "health",
    "health_reason": "reason",
    "health_at": "since",
    "fail_streak": "troubles in a row",
    "checked_at": "last checked",
    "check_every_s": "checked every (s)",
    "power": "can be switched",
    "devices": "devices",
    "held_until": "held until",
    "held_by": "held by",
    "hold_on_failure_s": "held after a failure for (s)",
    "job_id": "job",
}
HISTORY = {"at": "WHEN", "actor": "WHO", "action": "WHAT", "detail": "DETAIL"}


@click.group()
def board() -> None:
    """Look at boards and their health, check, hold and release them."""


@board.command("list")
@as_json
@asks
def list_(client: Client, as_json: bool) -> None:
    """List the boards that builders offer.

    \b
    Example:
      rigline board list
    """
    found = list(client.items("/boards"))
    if as_json:
        say_json({"items": found})
    else:
        table(found, LIST)


@board.command()
@click.argument("name")
@of_builder
@as_json
@asks
def show(client: Client, name: str, builder: str | None, as_json: bool) -> None:
    """Show one board: its health, what was done to it, and what its last check printed.

    \b
    Example:
      rigline board show nucleo-1
    """
    found = client.get(checking.path(name, None), builder=builder)
    if as_json:
        say_json(found)
        return
    details(found, DETAILS)
    click.echo()
    table(found["history"], HISTORY)
    if found["output"]:
        click.echo("\nThe last check printed:")
        click.echo(plain(found["output"]))


@board.command()
@click.argument("name")
@of_builder
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end, and print what was found.")
@asks
def check(client: Client, name: str, builder: str | None, wait: bool) -> None:
    """Have a board checked by its builder now, whatever its health. Exits 1 if the check did not pass.

    \b
    Example:
      rigline board check nucleo-1
    """
    asked = checking.ask(client, name, builder)
    if not wait:
        click.echo(f"job {asked['job_id']}")
    elif not checking.follow(client, asked):
        sys.exit(BAD)


@board.command()
@click.argument("name")
@of_builder
@click.option("--reason", default="", help="For other people.")
@asks
def good(client: Client, name: str, builder: str | None, reason: str) -> None:
    """Say that a board is good: it gets jobs again, and its troubles so far are forgotten.

    \b
    Example:
      rigline board good nucleo-1 --reason "new cable"
    """
    _say(client.post(checking.path(name, builder, "/good"), {"reason": reason}), "is good, and gets jobs.")


@board.command()
@click.argument("name")
@of_builder
@click.option("--reason", required=True, help="For other people.")
@asks
def maintenance(client: Client, name: str, builder: str | None, reason: str) -> None:
    """Take a board out to work on it, until `rigline board good`. A job that runs on it ends normally.

    \b
    Example:
      rigline board maintenance nucleo-1 --reason "soldering"
    """
    found = client.post(checking.path(name, builder, "/maintenance"), {"reason": reason})
    _say(found, "is in maintenance, and gets no jobs.")


@board.command()
@click.argument("name")
@of_builder
@click.option("--minutes", type=float, default=60.0, show_default=True, help="For how long.")
@click.option("--on-failure", is_flag=True, help="Not now, but once a job on it goes wrong; it is left switched on.")
@click.option("--reason", default="", help="For other people.")
@asks
def hold(client: Client, name: str, builder: str | None, **said: Any) -> None:
    """Keep a board for yourself: it gets no jobs and no checks for so long, or until `rigline board release`.

    \b
    Example:
      rigline board hold nucleo-1 --minutes 30 --on-failure
    """
    found = client.post(checking.path(name, builder, "/hold"), said)
    _say(
        found, "is kept once a job on it goes wrong." if said["on_failure"] else f"is kept until {found['held_until']}."
    )


@board.command()
@click.argument("name")
@of_builder
@asks
def release(client: Client, name: str, builder: str | None) -> None:
    """Give a held board back.

    \b
    Example:
      rigline board release nucleo-1
    """
    _say(client.post(checking.path(name, builder, "/release")), "is given back.")


board.add_command(calibrate)
board.add_command(noise)


def _say(found: dict[str, Any], effect: str) -> None:
    busy = f" Still at work: job {found['job_id']}." if found["job_id"] else ""
    click.echo(f"{found['builder']}/{found['name']} {effect}{busy}")
