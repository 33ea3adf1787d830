"""`rigline history`: how a benchmark moved, and what happened at the commits of a history."""

from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.benchmark_history import show
from app.cli.output import say_json, table
from app.client import Client

LIST = {"id": "ANNOTATION", "commit": "COMMIT", "kind": "KIND", "text": "TEXT", "cuts": "CUTS", "board_type": "BOARD"}
LIST |= {"configuration": "CONFIGURATION", "said_by": "SAID BY", "said_at": "WHEN"}
of_repository = click.option("--repo", "repository", metavar="OWNER/NAME", required=True, help="Of this repository.")


class _Shows(click.Group):
    """A group that takes what is none of its commands for the benchmark that is to be shown."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in that was left out."""
        is_meant = bool(args) and args[0] not in self.commands and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, [str(show.name), *args] if is_meant else args)


@click.group(cls=_Shows)
def history() -> None:
    """Show how a benchmark moved, and say what happened at its commits."""


@history.command()
@click.argument("commit")
@of_repository
@click.option(
    "--kind", type=click.Choice(["tag", "toolchain", "board", "note"]), default="note", show_default=True, help="What."
)
@click.option("--text", required=True, help="For other people.")
@click.option("--cuts", is_flag=True, help="A new level begins here, without an alert.")
@click.option("--board-type", help="Only on these boards.")
@click.option("--configuration", help="Only with this configuration.")
@asks
def annotate(client: Client, **said: Any) -> None:
    """Say something at a commit: charts show it, and with --cuts the levels before and after are not compared.

    \b
    Example:
      rigline history annotate 0123456789abcdef0123456789abcdef01234567 --repo lvgl/lvgl --kind toolchain \\
        --text "gcc 14" --cuts
    """
    given = {name: value for name, value in said.items() if value is not None}
    click.echo(f"annotation {client.post('/annotations', given)['id']}")


@history.command()
@of_repository
@as_json
@asks
def annotations(client: Client, repository: str, as_json: bool) -> None:
    """List what was said at commits, said last first.

    \b
    Example:
      rigline history annotations --repo lvgl/lvgl
    """
    found = list(client.items("/annotations", repository=repository))
    if as_json:
        say_json({"items": found})
    else:
        table([each | {"commit": each["commit"][:10]} for each in found], LIST)


@history.command()
@click.argument("annotation", type=int)
@asks
def unannotate(client: Client, annotation: int) -> None:
    """Take back what was said at a commit; what it cut is one again.

    \b
    Example:
      rigline history unannotate 4
    """
    client.delete(f"/annotations/{annotation}")
    click.echo(f"annotation {annotation} is gone")


history.add_command(show)
