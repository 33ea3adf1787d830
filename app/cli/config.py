"""`rigline config`: the rules of a repository as a file."""

import sys
from pathlib import Path

import click

from app.cli.asking import BAD, as_json
from app.cli.output import say_json, table
from app.policy import read
from app.policy.rules import FILE, Rule
from app.policy.section import PolicyError

COLUMNS = {"name": "RULE", "events": "EVENTS", "kind": "KIND", "branches": "BRANCHES", "schedule": "SCHEDULE"}


@click.group()
def config() -> None:
    """Check the rules of a repository before they are pushed."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=FILE)
@as_json
def check(file: Path, as_json: bool) -> None:
    """Check a file of rules, by default `.rigline.toml`, and list them. Exits 1 if it cannot be used.

    Names of boards, configurations and tags are checked by the service alone: it knows which there are.

    \b
    Example:
      rigline config check .rigline.toml
    """
    try:
        found = read.decoded(file.read_bytes(), str(file))
    except PolicyError as problem:
        _end(str(problem), as_json)
    except OSError as problem:
        _end(f"{file}: {problem.strerror}", as_json)
    listed = [_row(each) for each in found.rules]
    if as_json:
        say_json({"ok": True, "items": listed})
    elif listed:
        table(listed, COLUMNS)
    else:
        click.echo("There is no rule: nothing would run.")


def _end(problem: str, as_json: bool) -> None:
    if as_json:
        say_json({"ok": False, "error": problem})
    else:
        click.echo(f"Error: {problem}", err=True)
    sys.exit(BAD)


def _row(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "events": [each.value for each in rule.events],
        "kind": rule.work.kind,
        "branches": list(rule.branches),
        "schedule": rule.schedule or None,
    }
