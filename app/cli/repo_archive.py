"""`rigline repo export` and `import`: one repository in a file, on the machine of the service."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

MISSING = "needs the server's packages, and {missing} is not installed: pip install 'rigline[server,embedded]'"


@click.command("export")
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.argument("file", type=click.Path(path_type=Path))
def export(repository: str, file: Path) -> None:
    """Write all that belongs to a repository into a new file, on the service's machine, while it goes on.

    Its tables are lines of JSON in a tar that zstd compresses. People, tokens, secrets and subscriptions are not in it.

    \b
    Example:
      rigline repo export lvgl/lvgl lvgl.rig
    """
    _work("export", repository, file)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Bring an exported repository into this service, under new ids, in one transaction.

    What was not over when it was exported counts as cancelled. Its boards that are not known here are only names.

    \b
    Example:
      rigline repo import lvgl.rig
    """
    _work("bring", file)


def _work(name: str, *given: Any) -> None:
    """Load what needs the server's packages only now: the other commands work without them."""
    try:
        work = getattr(import_module("app.cli.repo_carrying"), name)
    except ModuleNotFoundError as error:
        raise click.ClickException(MISSING.format(missing=error.name)) from None
    work(*given)
