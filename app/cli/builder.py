"""`rigline builder`: the machines of the lab."""

import sys
from typing import Any
from urllib.parse import quote

import click

from app.cli import builder_host, checking
from app.cli.asking import BAD, as_json, asks
from app.cli.output import details, say_json, table
from app.client import Client

LIST = {"name": "BUILDER", "state": "STATE", "boards": "BOARDS", "busy": "BUSY", "seen_at": "LAST SEEN"}
BOARDS = {"name": "BOARD", "type": "TYPE", "health": "HEALTH", "configurations": "CONFIGURATIONS", "job_id": "JOB"}
DETAILS = {
    "name": "builder",
    "state": "state",
    "version": "version",
    "isolation": "isolation",
    "created_at": "created",
    "seen_at": "last seen",
    "disk_free": "disk free (bytes)",
    "problem": "problem",
}


@click.group()
def builder() -> None:
    """Make builders, look at them, and say whether they get jobs."""


builder.add_command(builder_host.install)
builder.add_command(builder_host.uninstall)


@builder.command()
@click.argument("name")
@as_json
@asks
def create(client: Client, name: str, as_json: bool) -> None:
    """Make a builder. Prints what its agent needs in its environment, this once.

    \b
    Example:
      rigline builder create shelf
    """
    _say_token(client.post("/builders", {"name": name}), as_json=as_json)


@builder.command("rotate-token")
@click.argument("name")
@as_json
@asks
def rotate_token(client: Client, name: str, as_json: bool) -> None:
    """Make a new token; the old one is refused at once.

    \b
    Example:
      rigline builder rotate-token shelf
    """
    _say_token(client.post(f"/builders/{quote(name, safe='')}/rotate-token"), as_json=as_json)


@builder.command("list")
@as_json
@asks
def list_(client: Client, as_json: bool) -> None:
    """List the builders that are not retired.

    \b
    Example:
      rigline builder list
    """
    found = list(client.items("/builders"))
    if as_json:
        say_json({"items": found})
    else:
        table(found, LIST)


@builder.command()
@click.argument("name")
@as_json
@asks
def show(client: Client, name: str, as_json: bool) -> None:
    """Show one builder with its boards.

    \b
    Example:
      rigline builder show shelf
    """
    found = client.get(f"/builders/{quote(name, safe='')}")
    if as_json:
        say_json(found)
        return
    details(found, DETAILS)
    click.echo()
    table(found["boards"], BOARDS)


@builder.command()
@click.argument("name")
@asks
def pause(client: Client, name: str) -> None:
    """Give a builder no new jobs; running ones go on.

    \b
    Example:
      rigline builder pause shelf
    """
    _set_state(client, name, "pause", "gets no new jobs")


@builder.command()
@click.argument("name")
@asks
def resume(client: Client, name: str) -> None:
    """Give a builder jobs again.

    \b
    Example:
      rigline builder resume shelf
    """
    _set_state(client, name, "resume", "gets jobs")


@builder.command()
@click.argument("name")
@asks
def drain(client: Client, name: str) -> None:
    """Give a builder no new jobs; when the running ones have ended its agent ends too.

    \b
    Example:
      rigline builder drain shelf
    """
    _set_state(client, name, "drain", "ends its jobs and gets no new ones")


@builder.command()
@click.argument("name")
@click.option("--board", metavar="NAME", help="Only this board; without it all that have a check.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end, and print what was found.")
@asks
def test(client: Client, name: str, board: str | None, wait: bool) -> None:
    """Check the boards of a builder now: that it answers, and what its own check of each board says.

    Refused while a job runs on a board. Exits 1 if a check did not pass. What it printed is kept with the board.

    \b
    Example:
      rigline builder test shelf --board nucleo-1
    """
    found = client.get(f"/builders/{quote(name, safe='')}")
    able = [board] if board else [each["name"] for each in found["boards"] if each["check_every_s"] is not None]
    if not able:
        raise click.ClickException(f"{name} has no check for any board: write [boards.health] into its builder.toml.")
    asked = [checking.ask(client, each, name) for each in able]
    if not wait:
        click.echo("\n".join(f"{each['board']}: job {each['job_id']}" for each in asked))
    elif not all([checking.follow(client, each) for each in asked]):
        sys.exit(BAD)


@builder.command("revoke-token")
@click.argument("name")
@asks
def revoke_token(client: Client, name: str) -> None:
    """Refuse a builder's token at once, because somebody else may have it.

    Its jobs are killed and tried elsewhere; its boards get none until `rigline board good` says that somebody looked.

    \b
    Example:
      rigline builder revoke-token shelf
    """
    found = client.post(f"/builders/{quote(name, safe='')}/revoke-token")
    out = ", ".join(each["name"] for each in found["boards"])
    click.echo(f"{name} is refused from now on." + (f" Out until somebody has looked: {out}." if out else ""))
    click.echo(f"`rigline builder rotate-token {name}` makes a new token.")


@builder.command()
@click.argument("name")
@asks
def delete(client: Client, name: str) -> None:
    """Delete a builder; one that had jobs is retired, so that their history stays.

    \b
    Example:
      rigline builder delete shelf
    """
    client.delete(f"/builders/{quote(name, safe='')}")
    click.echo(f"{name} is gone; its token is refused from now on.")


def _say_token(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(made)
        return
    click.echo(f"export RIGLINE_BUILDER_ID={made['id']}")
    click.echo(f"export RIGLINE_BUILDER_TOKEN={made['token']}")


def _set_state(client: Client, name: str, action: str, effect: str) -> None:
    found = client.post(f"/builders/{quote(name, safe='')}/{action}")
    busy = [board["name"] for board in found["boards"] if board["job_id"]]
    click.echo(f"{name} {effect}." + (f" Still at work: {', '.join(busy)}." if busy else ""))
