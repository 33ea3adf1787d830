"""`rigline retention`: remove now what the settings keep no longer, or say what that would be."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from app.cli.output import table
from app.cli.progress import amount
from app.cli.start import check_schema
from app.db.queries import repositories
from app.db.queries.kept import Due
from app.db.session import engine
from app.settings import Settings
from app.tasks import retention as task

COLUMNS = {"what": "WHAT", "whose": "WHOSE RULE", "days": "KEPT FOR", "of": "DUE", "size": "SIZE"}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retention(dry_run: bool, as_json: bool) -> None:
    """Remove now what the settings keep no longer; workers do it by themselves every minute.

    What is due is counted in attempts, imports, files, deliveries, lines and pipelines, rule by rule. Of measurements
    only raw samples go, and never those around a change point; a pipeline goes only if nothing needs it.

    \b
    Example:
      rigline retention --dry-run
    """
    settings = Settings.load(keeps_secret_key=False)
    items = asyncio.run(_removed(settings, dry_run=dry_run))
    if as_json:
        click.echo(json.dumps({"items": items, "removed": not dry_run}))
        return
    table([each | _in_words(each) for each in items], COLUMNS)
    if not dry_run:
        click.echo("That is removed.", err=True)


def _in_words(each: Mapping[str, Any]) -> dict[str, str]:
    return {
        "whose": each["repository"] or "the settings",
        "days": f"{each['days']} days" if each["days"] else "ever",
        "size": amount(each["bytes"]),
    }


async def _removed(settings: Settings, *, dry_run: bool) -> list[dict[str, Any]]:
    await check_schema(settings.database_url)
    made = engine(settings.database_url)
    try:
        found = await task.due(made.begin, settings)
        async with made.begin() as db:
            names = await repositories.names(db)
        remover = task.Remover(made.begin, settings)
        while not dry_run and await remover.round():
            pass
    finally:
        await made.dispose()
    return [row for what, rules in found.items() for row in _rows(settings, what, rules, names)]


def _rows(settings: Settings, what: str, rules: Sequence[Due], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Write a kind rule by rule; the rule of the settings always, first."""
    usual = {"what": what, "repository": None, "days": task.days_of(settings, what), "of": 0, "bytes": 0}
    said = [
        usual | asdict(each) | {"repository": names.get(each.repository_id or 0)}
        for each in sorted(rules, key=lambda each: each.repository_id or 0)
    ]
    if not said or said[0]["repository_id"] is not None:
        said.insert(0, usual)
    return [{name: each[name] for name in usual} for each in said]
