"""What every client command shares: where the service is, and how a refusal ends the command."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app import environment
from app.client import Client, Place, Refused
from app.errors import Unreachable

BAD, WRONG_USAGE, UNREACHABLE = 1, 2, 3
USAGE_STATUSES = (401, 403, 413, 415, 422)  # what the caller sent is wrong, not the thing that was asked about
UNAVAILABLE = 503

Command = Callable[..., Any]

_OPTIONS = (
    click.option("--server", envvar="RIGLINE_URL", metavar="URL", help="Address of the service [RIGLINE_URL]."),
    click.option(
        "--socket", type=click.Path(path_type=Path), metavar="PATH", help="Unix socket of the service instead."
    ),
)


def asks(command: Command) -> Command:
    """Give a command `client`, and end it with 1, 2 or 3 and a sentence when the service refuses or is away.

    Without --server and --socket: the socket below RIGLINE_DATA_DIR if there is one, else http://127.0.0.1:8000.
    """

    @functools.wraps(command)
    def wrapped(server: str | None, socket: Path | None, **given: Any) -> Any:
        place = Place.chosen(server, socket, environment.token(), environment.data_dir())
        try:
            with Client(place) as client:
                return command(client=client, **given)
        except Refused as refused:
            click.echo(f"Error: {refused}", err=True)
            sys.exit(_exit_status(refused.status))
        except Unreachable as problem:
            click.echo(f"Error: {problem}", err=True)
            sys.exit(UNREACHABLE)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def as_json(command: Command) -> Command:
    """Give a command `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _exit_status(status: int) -> int:
    if status == UNAVAILABLE:
        return UNREACHABLE
    return WRONG_USAGE if status in USAGE_STATUSES else BAD
