"""`rigline repo caps`: how many boards the jobs of one share of a repository may hold."""

import click

from app.cli.asking import as_json, asks
from app.cli.or_default import OrDefault
from app.cli.output import say_json, table
from app.cli.repo_policy import served
from app.client import Client

COLUMNS = {"of": "JOBS OF ONE", "boards": "BOARDS AT A TIME", "said_by": "SAID BY"}


@click.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.option("--fork-owner", type=OrDefault("boards"), help="For the jobs of one fork's owner; 0: any number.")
@click.option("--pull-request", type=OrDefault("boards"), help="For the jobs of one pull request; 0: any number.")
@click.option("--repository", "whole", type=OrDefault("boards"), help="For all its jobs; 0: any number.")
@as_json
@asks
def caps(  # noqa: PLR0917  # click calls it by name
    client: Client,
    repository: str,
    fork_owner: int | str | None,
    pull_request: int | str | None,
    whole: int | str | None,
    as_json: bool,
) -> None:
    """Show how many boards the jobs of one share of a repository may hold at a time, or change that.

    `default` takes a cap back: the settings of the service count again.

    \b
    Example:
      rigline repo caps lvgl/lvgl --fork-owner 2 --pull-request default
    """
    path = f"/repositories/{served(client, repository)['id']}/caps"
    told = client.get(path)
    given = {"fork_owner": fork_owner, "pull_request": pull_request, "repository": whole}
    wanted = {name: None if cap == "default" else cap for name, cap in given.items() if cap is not None}
    if wanted:
        told = client.put(path, {**told["own"], **wanted})
    if as_json:
        say_json(told)
        return
    rows = [
        {
            "of": name.replace("_", " "),
            "boards": told[name] or "any number",
            "said_by": "the settings" if told["own"][name] is None else "the repository",
        }
        for name in given
    ]
    table(rows, COLUMNS)
