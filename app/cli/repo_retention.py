"""`rigline repo retention`: how long the things of one repository are kept."""

from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.or_default import OrDefault
from app.cli.output import say_json, table
from app.cli.repo_policy import served
from app.client import Client

COLUMNS = {"of": "WHAT", "days": "KEPT FOR", "said_by": "SAID BY"}
WHAT = {
    "logs": "logs",
    "artefacts": "artefacts",
    "samples": "raw samples",
    "results": "result files",
    "pipelines": "pipelines that nothing needs",
}


def _options(command: Any) -> Any:
    for name, words in reversed(WHAT.items()):
        command = click.option(f"--{name}", type=OrDefault("days"), help=f"For {words}; 0: for ever.")(command)
    return command


@click.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@_options
@as_json
@asks
def retention(client: Client, repository: str, as_json: bool, **given: int | str | None) -> None:
    """Show how long the things of a repository are kept, or change that; `default` takes a rule back.

    \b
    Example:
      rigline repo retention lvgl/lvgl --logs 30 --pipelines 180 --artefacts default
    """
    path = f"/repositories/{served(client, repository)['id']}/retention"
    told = client.get(path)
    wanted = {name: None if days == "default" else days for name, days in given.items() if days is not None}
    if wanted:
        told = client.put(path, {**told["own"], **wanted})
    if as_json:
        say_json(told)
        return
    rows = [
        {
            "of": words,
            "days": f"{told[name]} days" if told[name] else "ever",
            "said_by": "the settings" if told["own"][name] is None else "the repository",
        }
        for name, words in WHAT.items()
    ]
    table(rows, COLUMNS)
