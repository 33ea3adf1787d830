"""`rigline builder install` and `uninstall`: a lab machine from here, over SSH."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from app.cli.asking import asks
from app.client import Client

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
LOCAL = ("http://127.", "http://localhost", "http://[::1]")

_LOGIN_OPTIONS = (
    click.option(
        "--port", type=click.IntRange(1, 65535), help="Port of SSH there.  [default: your SSH configuration, else 22]"
    ),
    click.option("--key", type=FILE, help="Private key file.  [default: your keys and agent]"),
    click.option("--ask-password", is_flag=True, help="Ask for the password of the login, for SSH and for sudo."),
    click.option("--host-key", metavar="SHA256:…", help="Fingerprint that the machine must show."),
    click.option("--known-hosts", type=FILE, help="Known machines.  [default: ~/.ssh/known_hosts]"),
    click.option("--user", "for_user", is_flag=True, help="Install for that account alone: no root, no sudo."),
    click.option(
        "--log-file", type=click.Path(path_type=Path, dir_okay=False), help="Where to keep all that was said."
    ),
    click.option("-y", "--yes", is_flag=True, help="Do not ask before anything is changed."),
)


def _logs_in(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_LOGIN_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("machine", metavar="[USER@]HOST")
@click.option("--name", help="Name of the builder.  [default: the first part of HOST]")
@click.option("--service", metavar="URL", help="Where the agent finds the service.  [default: --server]")
@click.option("--config", type=FILE, help="builder.toml to put there.  [default: the one that is there]")
@click.option("--new-token", is_flag=True, help="Give an installed builder a new token.")
@_logs_in
@asks
def install(client: Client, machine: str, name: str | None, service: str | None, **how: Any) -> None:
    """Install the agent on a machine and see it connect; once more is an upgrade.

    The machine needs Python 3.11 and git, and no way to a package index. What fails is undone.

    \b
    Example:
      rigline builder install pi@shelf.lab --config builder.toml --service https://rigline.example.org
    """
    name = name or _first_part(machine)
    installing = _installing()
    wish = installing.Wish(
        name=name,
        server=service or _address(client),
        config=how["config"].read_bytes() if how["config"] else None,
        new_token=how["new_token"],
        system=not how["for_user"],
    )
    _confirm(f"Install the builder {name} on {machine}?", how)
    installing.install(client, machine, wish, how)
    click.echo(f"{name} is installed on {machine}.")


@click.command()
@click.argument("machine", metavar="[USER@]HOST")
@click.option("--name", help="Name of the builder.  [default: the first part of HOST]")
@_logs_in
@asks
def uninstall(client: Client, machine: str, name: str | None, **how: Any) -> None:
    """Remove the agent from a machine, and delete its builder.

    \b
    Example:
      rigline builder uninstall pi@shelf.lab
    """
    name = name or _first_part(machine)
    _confirm(f"Remove the builder {name} from {machine} and from the service?", how)
    _installing().uninstall(client, machine, name, how)
    click.echo(f"{name} is gone from {machine}; its token is refused from now on.")


def _installing() -> Any:
    """Import what needs the server's packages, which the base install does not have."""
    try:
        return import_module("app.cli.installing")
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"needs the server's packages, and {missing.name} is not installed: pip install 'rigline[server]'"
        ) from None


def _address(client: Client) -> str:
    """Name the service as the lab machine can reach it; this machine's own address would not do there."""
    if client.server is None or client.server.startswith(LOCAL):
        raise click.UsageError("say with --service where the lab machine finds the service")
    return client.server


def _confirm(question: str, how: dict[str, Any]) -> None:
    if not how["yes"]:
        click.confirm(question, abort=True)


def _first_part(machine: str) -> str:
    """Name a builder after its host."""
    return machine.rpartition("@")[2].partition(".")[0]
