"""`rigline repo remove --with-data`: delete all that belongs to a repository."""

import sys

import click

from app.cli.output import table
from app.cli.repo_policy import served
from app.client import Client


def erase(client: Client, repository: str, *, dry_run: bool, confirm: str | None) -> None:
    """Ask for the name, and delete; an id may also be that of a repository which is no longer served."""
    if repository.isdecimal():
        place, name = f"/repositories/{repository}", repository
    else:
        found = served(client, repository)
        place, name = f"/repositories/{found['id']}", str(found["full_name"])
    rows = client.get(f"{place}/data")["rows"]
    table([{"what": what, "rows": of} for what, of in rows.items()], {"what": "WHAT", "rows": "ROWS"})
    if dry_run:
        return
    client.post(f"{place}/erase", {"confirm": confirm or _asked(name)})
    click.echo(f"{name} is gone; workers delete what belonged to it.", err=True)


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("This deletes it for ever: say --confirm OWNER/NAME where nobody can be asked.")
    typed: str = click.prompt(f"Deleted for ever. Type the full name of {name} to go on")
    return typed
