"""What `rigline builder install` and `uninstall` put together: the service over its API, the machine over SSH."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from app.cli.asking import BAD
from app.client import Client, Refused
from app.install.bundle import Bundle, BundleError, pack
from app.install.host import HostError, Login, reached
from app.install.steps import Installation, Wish

Work = Callable[[Installation, Bundle], Awaitable[None]]


def install(client: Client, machine: str, wish: Wish, how: dict[str, Any]) -> None:
    """Install or upgrade; end the command with what went wrong."""
    _carry_out(client, machine, how, wish, lambda work, bundle: work.install(bundle))


def uninstall(client: Client, machine: str, name: str, how: dict[str, Any]) -> None:
    """Remove the agent, then its builder."""
    wish = Wish(name=name, server="", config=None, system=not how["for_user"])
    _carry_out(client, machine, how, wish, lambda work, bundle: work.remove(bundle))
    lab = ServiceLab(client)
    if lab.known(name):
        lab.delete(name)


class ServiceLab:
    """What the service knows and does about builders, over its API."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def known(self, name: str) -> bool:
        """Say whether there is a builder with this name."""
        try:
            self._client.get(_path(name))
        except Refused as refused:
            if refused.code == "not_found":
                return False
            raise
        return True

    def create(self, name: str) -> str:
        """Make a builder; return its token."""
        return str(self._client.post("/builders", {"name": name})["token"])

    def new_token(self, name: str) -> str:
        """Make a new token; the old one is refused at once."""
        return str(self._client.post(f"{_path(name)}/rotate-token")["token"])

    def seen(self, name: str) -> str | None:
        """Say when the builder last gave a sign of life."""
        found: str | None = self._client.get(_path(name))["seen_at"]
        return found

    def delete(self, name: str) -> None:
        """Delete the builder, or retire it when it had jobs."""
        self._client.delete(_path(name))


def _carry_out(
    client: Client,
    machine: str,
    how: dict[str, Any],
    wish: Wish,
    work: Work,
) -> None:
    """Connect and do the work; end the command with what went wrong."""
    log_file = how["log_file"] or Path(f"rigline-{wish.name}.log")
    login = _login(machine, how)

    async def carry_out() -> None:
        with log_file.open("a", encoding="utf-8") as log:
            bundle = pack()
            click.echo(f"- connect to {login}")
            async with reached(login, log) as host:
                await work(Installation(host, ServiceLab(client), wish, lambda text: click.echo(f"- {text}")), bundle)

    try:
        asyncio.run(carry_out())
    except (HostError, BundleError) as problem:
        click.echo(f"Error: {problem}\nAll that was said is in {log_file}.", err=True)
        sys.exit(BAD)


def _login(machine: str, how: dict[str, Any]) -> Login:
    user, _, host = machine.rpartition("@")
    return Login(
        host=host,
        user=user or getpass.getuser(),
        port=how["port"],
        key=how["key"],
        password=click.prompt(f"Password of {machine}", hide_input=True, err=True) if how["ask_password"] else None,
        known_hosts=how["known_hosts"],
        fingerprint=how["host_key"],
    )


def _path(name: str) -> str:
    return f"/builders/{quote(name, safe='')}"
