"""`rigline retention`: remove now what the settings keep no longer, or say what that would be."""

import asyncio
import json
from collections.abc import Mapping

import click

from app.cli.output import table
from app.cli.start import check_schema
from app.db.session import engine
from app.settings import Settings
from app.tasks import retention as task

COLUMNS = {"what": "WHAT", "days": "KEPT FOR", "of": "DUE"}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retention(dry_run: bool, as_json: bool) -> None:
    """Remove now what the settings keep no longer; workers do it by themselves every minute.

    What is due is counted in attempts, imports or files. Of measurements only raw samples go, and never those
    around a change point.

    \b
    Example:
      rigline retention --dry-run
    """
    settings = Settings.load(keeps_secret_key=False)
    rows = asyncio.run(_removed(settings, dry_run=dry_run))
    items = [{"what": what, "days": days, "of": of} for what, (days, of) in rows.items()]
    if as_json:
        click.echo(json.dumps({"items": items, "removed": not dry_run}))
        return
    table([{**each, "days": f"{each['days']} days" if each["days"] else "ever"} for each in items], COLUMNS)
    if not dry_run:
        click.echo("That is removed.", err=True)


async def _removed(settings: Settings, *, dry_run: bool) -> Mapping[str, tuple[int, int]]:
    await check_schema(settings.database_url)
    made = engine(settings.database_url)
    try:
        found = await task.due(made.begin, settings)
        while not dry_run and await task.remove_some(made.begin, settings):
            pass
    finally:
        await made.dispose()
    return found
