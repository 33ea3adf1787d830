"""What `rigline repo export` and `import` do, over the service's database."""

import asyncio
import sys
from pathlib import Path

import click

from app.backup import carrying, reading
from app.backup.manifest import BadArchive, Contents
from app.cli import at_hand
from app.cli.progress import amount
from app.cli.start import check_schema
from app.db.queries import repositories
from app.db.session import engine
from app.errors import StartupError
from app.settings import Settings

BAD = 1


def export(repository: str, file: Path) -> None:
    """Write one repository into a new file."""
    settings = Settings.load(keeps_secret_key=False)
    at_hand.unwind_on_sigterm()
    with at_hand.database(settings):
        wrote = asyncio.run(_export(settings.database_url, repository, file))
    click.echo(f"{wrote.rows:,} rows in {amount(file.stat().st_size)}: {file}")


def bring(file: Path) -> None:
    """Bring one repository in."""
    settings = Settings.load(keeps_secret_key=False)
    try:
        found = reading.check(file)
        carrying.fits(found.manifest)
        with at_hand.database(settings):
            asyncio.run(check_schema(settings.database_url))
            name = asyncio.run(carrying.bring(settings.database_url, file))
    except BadArchive as bad:
        click.echo(f"Error: {file}: {bad}", err=True)
        sys.exit(BAD)
    click.echo(f"{name} is here, with {found.rows:,} rows. Its webhook still leads to where it came from.")


async def _export(url: str, repository: str, file: Path) -> Contents:
    await check_schema(url)
    own = engine(url)
    try:
        async with own.begin() as db:
            found = await repositories.get(db, int(repository)) if repository.isdecimal() else None
            found = found or await repositories.by_name(db, repository)
    finally:
        await own.dispose()
    if found is None:
        raise StartupError(f"There is no repository {repository}. `rigline repo list` shows them.")
    return await carrying.export(url, found["id"], file)
