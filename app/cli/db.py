"""`rigline db`: the schema's version."""

import asyncio
import json
import sys

import click

from app.cli import at_hand
from app.cli.start import asking_database
from app.db import schema
from app.errors import Unreachable
from app.settings import Settings


@click.group()
def db() -> None:
    """Look at the database's schema, or upgrade it."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest schema, in one transaction. Safe to repeat.

    The service's own database is started for that, if it does not run.
    """
    settings = Settings.load(keeps_secret_key=False)
    with at_hand.database(settings):
        _, before = asyncio.run(asking_database(settings.database_url))
        try:
            after = asyncio.run(schema.upgrade(settings.database_url))
        except OSError as error:
            raise Unreachable(f"The database does not answer: {error}.") from None
    click.echo(f"The schema is at {after}." if before == after else f"Upgraded from {before or 'empty'} to {after}.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def current(as_json: bool) -> None:
    """Say which schema the database has. Exits 1 if it is not the newest."""
    settings = Settings.load(keeps_secret_key=False)
    with at_hand.database(settings):
        fits, found = asyncio.run(asking_database(settings.database_url))
    if as_json:
        click.echo(json.dumps({"current": found, "newest": schema.head(), "fits": fits}))
    else:
        click.echo(f"{found or 'empty'}; the newest is {schema.head()}")
    sys.exit(0 if fits else 1)
