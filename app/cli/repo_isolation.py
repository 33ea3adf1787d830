"""`rigline repo isolation`: how well a builder must keep the code of a repository's forks apart."""

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json
from app.cli.repo_policy import served
from app.client import Client
from builders.protocol import Level

DEFAULT = "default"


@click.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.option(
    "--forks",
    type=click.Choice([*(each.value for each in Level), DEFAULT]),
    help="What the builder of a fork's job must have.",
)
@as_json
@asks
def isolation(client: Client, repository: str, forks: str | None, as_json: bool) -> None:
    """Show how well a builder must keep the code of a repository's forks apart, or change that for new pipelines.

    `default` takes a change back: the setting RIGLINE_FORK_ISOLATION counts again.

    \b
    Example:
      rigline repo isolation lvgl/lvgl --forks cgroup
    """
    path = f"/repositories/{served(client, repository)['id']}/isolation"
    told = client.get(path) if forks is None else client.put(path, {"forks": None if forks == DEFAULT else forks})
    if as_json:
        say_json(told)
        return
    said_by = "the settings" if told["own"]["forks"] is None else "the repository"
    click.echo(f"Jobs of forks need a builder with {told['forks']}, by {said_by}.")
