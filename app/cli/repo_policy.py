"""`rigline repo policy`: the rules of a repository that are kept on the service."""

import sys
from pathlib import Path

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import details, say_json, table
from app.client import Client, Json

NAMES = {"source": "rules from", "commit": "at commit", "error": "problem"}
RULES = {"name": "RULE", "events": "EVENTS", "kind": "KIND", "schedule": "SCHEDULE"}
SCHEDULES = {"rule": "RULE", "next_at": "NEXT", "last_at": "LAST", "zone": "ZONE"}
LONGEST = 1 << 20  # bytes: more is refused before it is sent


@click.group()
def policy() -> None:
    """Keep rules on the service for a repository that has no `.rigline.toml`, and look at those that count."""


@policy.command("set")
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
@asks
def set_(client: Client, repository: str, file: Path, as_json: bool) -> None:
    """Keep the rules of a file. A `.rigline.toml` in the repository counts before them.

    \b
    Example:
      rigline repo policy set lvgl/lvgl rules.toml
    """
    if file.stat().st_size > LONGEST:
        raise click.ClickException(f"{file} is over {LONGEST} bytes.")
    found = served(client, repository)
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8.") from None
    made = client.put(f"/repositories/{found['id']}/policy", {"text": text})
    if as_json:
        say_json(made)
    else:
        click.echo(f"The rules of {found['full_name']} are kept; those that count come from: {made['source']}.")


@policy.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@as_json
@asks
def show(client: Client, repository: str, as_json: bool) -> None:
    """Show the rules that count for the default branch now, and when they run by the clock. Exits 1 if they are bad.

    \b
    Example:
      rigline repo policy show lvgl/lvgl
    """
    told = client.get(f"/repositories/{served(client, repository)['id']}/policy")
    if as_json:
        say_json(told)
    else:
        details(told, NAMES)
        table(told["rules"], RULES)
        if told["schedules"]:
            click.echo()
            table(told["schedules"], SCHEDULES)
    sys.exit(BAD if told["error"] else 0)


@policy.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@asks
def clear(client: Client, repository: str) -> None:
    """Forget the rules kept on the service: without a `.rigline.toml` the built-in ones count then.

    \b
    Example:
      rigline repo policy clear lvgl/lvgl
    """
    found = served(client, repository)
    client.delete(f"/repositories/{found['id']}/policy")
    click.echo(f"No rules are kept for {found['full_name']}.")


def served(client: Client, repository: str) -> Json:
    """Find the one served repository that an id or a name means."""
    found = [each for each in client.items("/repositories") if repository in (str(each["id"]), each["full_name"])]
    if len(found) != 1:
        known = "no repository" if not found else "more than one repository"
        raise click.ClickException(f"{repository} names {known}. `rigline repo list` shows their ids.")
    return found[0]
