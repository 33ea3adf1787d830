"""`rigline repo check`: whether a repository's forge and the service reach each other."""

import sys

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import details, say_json
from app.cli.repo_policy import served
from app.client import Client, Json

NAMES = {
    "full_name": "repository",
    "forge": "forge",
    "url": "webhook address",
    "account": "we are",
    "shows_repository": "shows it to us",
    "problem": "problem",
    "hook_id": "webhook we made",
    "secrets": "own secrets",
    "heard_at": "last heard",
    "lost": "lost deliveries",
}


@click.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@as_json
@asks
def check(client: Client, repository: str, as_json: bool) -> None:
    """Ask whether the forge shows us a repository, and when it last reached us. Exits 1 if one of the two is missing.

    \b
    Example:
      rigline repo check lvgl/lvgl
    """
    told = client.get(f"/repositories/{served(client, repository)['id']}/connection")
    if as_json:
        say_json(told)
    else:
        details(told, NAMES)
    wrong = missing(told)
    for each in wrong:
        click.echo(f"- {each}", err=True)
    if wrong:
        sys.exit(BAD)


def missing(told: Json) -> list[str]:
    """Say what keeps the two from working together, and what to do."""
    wrong = []
    if not told["shows_repository"]:
        wrong.append(f"The forge does not show the repository: {told['problem']}. Check its token or App.")
    if told["heard_at"] is None:
        wrong.append(
            f"The forge never reached us. Its webhook must lead to {told['url']}; `rigline repo add` makes it with"
            " --create-webhook. Is RIGLINE_PUBLIC_URL an address that the forge can reach?"
        )
    return wrong
