"""`rigline admin grant`, `revoke`, `grants`: roles of users in single repositories."""

from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json, table
from app.cli.repo_policy import served
from app.client import Client
from app.rights import GRANTED


@click.command()
@click.argument("user")
@click.argument("repository")
@click.argument("role", type=click.Choice([role.value for role in GRANTED]))
@as_json
@asks
def grant(client: Client, user: str, repository: str, role: str, as_json: bool) -> None:
    """Give a user a role in one repository, beside the one in all repositories.

    \b
    Example:
      rigline admin grant ada acme/firmware maintainer
    """
    made = client.put(f"/users/{user}/grants/{served(client, repository)['id']}", {"role": role})
    if as_json:
        say_json(made)
    else:
        click.echo(f"{made['user']} is {made['role']} in {made['repository']} from now on.")


@click.command()
@click.argument("user")
@click.argument("repository")
@asks
def revoke(client: Client, user: str, repository: str) -> None:
    """Take back the role of a user in one repository.

    \b
    Example:
      rigline admin revoke ada acme/firmware
    """
    client.delete(f"/users/{user}/grants/{served(client, repository)['id']}")
    click.echo(f"{user} has no role of its own in {repository} any more.")


@click.command()
@click.option("--user", help="Only the roles of this user.")
@click.option("--repository", help="Only in this repository, by full name.")
@as_json
@asks
def grants(client: Client, user: str | None, repository: str | None, as_json: bool) -> None:
    """List which user has which role in which repository, and because of what: a grant, or the rights on a forge.

    A grant counts in place of what follows from the forge.

    \b
    Example:
      rigline admin grants --repository acme/firmware
    """
    asked: dict[str, Any] = {
        name: value for name, value in {"user": user, "repository": repository}.items() if value is not None
    }
    found = list(client.items("/grants", **asked))
    if as_json:
        say_json(found)
    else:
        told = [{**each, "because": _because(each)} for each in found]
        table(told, {"user": "USER", "repository": "REPOSITORY", "role": "ROLE", "because": "BECAUSE"})


def _because(found: dict[str, Any]) -> str:
    if found["by"] == "grant":
        return f"granted by {found['granted_by']}"
    return f"rights on {found['granted_by']}{'' if found['counts'] else ', a grant counts instead'}"
