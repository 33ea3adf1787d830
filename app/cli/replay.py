"""`rigline replay`: handle a kept delivery once more."""

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json
from app.client import Client


@click.command()
@click.argument("delivery", type=int)
@as_json
@asks
def replay(client: Client, delivery: int, as_json: bool) -> None:
    """Handle a delivery once more, as if the forge had just sent it. What it led to before is not doubled.

    \b
    Example:
      rigline replay 42
    """
    found = client.post(f"/deliveries/{delivery}/replay")
    if as_json:
        say_json(found)
    else:
        click.echo(f"Delivery {delivery} ({found['forge']} {found['kind']}) is handled again.")
