"""`rigline install`, `start`, `stop`, `status` …: an installed service, from outside."""

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app import environment, first_visit
from app.cli.asking import BAD
from app.instance import making, ports, removing, running, upgrading
from app.instance import status as looking
from app.instance.making import Wish
from app.instance.place import InstanceError, Place, chosen

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
SOURCE = click.Path(path_type=Path, exists=True)
NOT_RUNNING = 3
FIRST_VISIT = first_visit.NAME


def tell(text: str) -> None:
    """Say a step."""
    click.echo(f"- {text}", err=True)


def of_instance(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `place`, from --prefix, and end it with a sentence when something cannot be done."""

    @functools.wraps(command)
    def wrapped(prefix: Path | None, **given: Any) -> Any:
        try:
            return command(place=chosen(prefix or environment.prefix()), **given)
        except (InstanceError, environment.BadFile) as problem:
            click.echo(f"Error: {problem}", err=True)
            sys.exit(BAD)
        except PermissionError as problem:
            click.echo(f"Error: {problem.filename}: no right to. Ask as its owner, or with sudo.", err=True)
            sys.exit(BAD)

    option = click.option(
        "--prefix",
        type=FOLDER,
        metavar="DIR",
        help="Folder of the instance.  [RIGLINE_PREFIX, else ~/.rigline]",
    )
    return option(wrapped)


@click.command()
@of_instance
@click.option("--from", "source", type=SOURCE, help="A checkout, wheel or .tar.gz.  [default: this checkout]")
@click.option("--venv", type=FOLDER, help="Use this environment, which has Rigline, and make none.")
@click.option("--python", type=FILE, help="Python to make the environment with.  [default: the one that runs this]")
@click.option("--name", help="Name of the instance, and of its unit.  [default: the name of its folder]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: the first free one]")
@click.option("--bind", metavar="ADDRESS", help="Address to listen on.  [default: all with TLS, else 127.0.0.1]")
@click.option("--public-url", metavar="URL", help="How browsers and forges reach it.  [default: this machine's name]")
@click.option("--tls", type=click.Choice(("self-signed", "off")), default="self-signed", show_default=True,
              help="`off`: plain HTTP, behind a proxy on this machine.")  # fmt: skip
@click.option("--cert", type=FILE, help="Your own certificate (PEM) with those that signed it.")
@click.option("--key", type=FILE, help="Its key.")
@click.option("--user", "account", metavar="NAME", help="System account to run as; made if there is none. Needs root.")
@click.option("--systemd", is_flag=True, help="Write a hardened unit: the system's for root, else your own systemd's.")
@click.option("--start", "starts", is_flag=True, help="Start it, too.")
def install(place: Place, starts: bool, **given: Any) -> None:
    """Install the service into a folder of its own; into one that has it, bring it up to date.

    Nothing is changed outside of the folder but for --user and --systemd. Settings that you edited stay as they are.

    \b
    Example:
      rigline install --prefix ~/lab --start
      sudo rigline install --prefix /opt/rigline --user rigline --systemd --start
    """
    given["environment"] = given.pop("venv")
    wish = Wish(**given)
    if (wish.cert is None) != (wish.key is None):
        raise click.UsageError("--cert and --key belong together")
    if place.is_installed():
        _update(place, wish)
        click.echo(f"Rigline in {place.prefix} is up to date.")
    else:
        making.install(place, wish, tell)
        click.echo(f"Rigline is installed in {place.prefix}.")
    if starts:
        running.start(place, tell)
        _say_where(place)
    elif not running.state(place).is_up:
        click.echo(f"Start it: {place.program} start")


@click.command()
@of_instance
@click.option("--timeout", type=click.FloatRange(1), default=running.START_S, show_default=True,
              help="Seconds until it has to be ready.")  # fmt: skip
def start(place: Place, timeout: float) -> None:
    """Start an installed service in the background, part after part, and wait until it is ready.

    \b
    Example:
      rigline start --prefix ~/lab
    """
    if not running.start(place, tell, limit=timeout):
        click.echo("It runs already.")
    _say_where(place)


@click.command()
@of_instance
def stop(place: Place) -> None:
    """Stop an installed service: open requests and the task at hand may end.

    \b
    Example:
      rigline stop --prefix ~/lab
    """
    click.echo("Stopped." if running.stop(place, tell) else "It does not run.")


@click.command()
@of_instance
def restart(place: Place) -> None:
    """Stop an installed service and start it again, as after a change of its settings.

    \b
    Example:
      rigline restart --prefix ~/lab
    """
    running.stop(place, tell)
    running.start(place, tell)
    _say_where(place)


@click.command()
@of_instance
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(place: Place, as_json: bool) -> None:
    """Say how an installed service is. Exits 0 if all is well, 1 if something is not, 3 if it does not run.

    \b
    Example:
      rigline status --prefix ~/lab --json
    """
    found = looking.look(place)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"well": found.is_well}, indent=2))
    else:
        for line in looking.lines(found):
            click.echo(line)
    sys.exit(0 if found.is_well else BAD if found.is_up else NOT_RUNNING)


@click.group("ports")
def ports_() -> None:
    """Show the ports of an installed service, or find others."""


@ports_.command("show")
@of_instance
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def show_ports(place: Place, as_json: bool) -> None:
    """Say which ports the service has, and who holds them. Exits 1 if another program does.

    \b
    Example:
      rigline ports show --prefix ~/lab
    """
    found = ports.shown(place, running=running.state(place).is_up)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found]))
    else:
        for each in found:
            click.echo(f"{each.name}={each.number}  {each.state}: {each.what}")
    sys.exit(BAD if any(each.state == "taken" for each in found) else 0)


@ports_.command("force")
@of_instance
@click.option("--port", type=click.IntRange(1, 65535), help="Take this one.  [default: the first free one]")
def force_ports(place: Place, port: int | None) -> None:
    """Find free ports anew and keep them; builders and webhooks have to be told.

    \b
    Example:
      rigline ports force --prefix ~/lab
    """
    if running.state(place).is_up:
        raise InstanceError("It runs. Stop it first: its ports are its own.")
    for line in ports.force(place, wanted=port):
        click.echo(line)


@click.command()
@of_instance
@click.option("--from", "source", type=SOURCE, help="A checkout, wheel or .tar.gz.  [default: where it came from]")
@click.option("--venv", type=FOLDER, help="Use this environment, which has Rigline, and make none.")
@click.option("--python", type=FILE, help="Python to make the environment with.  [default: the one that runs this]")
def upgrade(place: Place, **given: Any) -> None:
    """Bring an installed service to newer code: new environment, stop, backup, migrate, start, look.

    When anything fails, the code and the data from before are brought back and started.

    \b
    Example:
      git pull && rigline upgrade --prefix ~/lab --from .
    """
    given["environment"] = given.pop("venv")
    changed = upgrading.upgrade(place, Wish(**given), tell)
    click.echo(f"Upgraded to {changed}." if changed else "It has this code already.")


@click.command()
@of_instance
@click.option("--keep-data", is_flag=True, help="Keep data and settings, for another installation in the same folder.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def uninstall(place: Place, keep_data: bool, yes: bool) -> None:
    """Stop an installed service and remove it: what its installation made, and nothing else.

    \b
    Example:
      rigline uninstall --prefix ~/lab --keep-data
    """
    place.installed()
    if not yes:
        what = "its data is kept" if keep_data else "ALL ITS DATA with it: pipelines, logs, results, histories"
        click.confirm(f"Remove the Rigline in {place.prefix} ({what})?", abort=True)
    running.stop(place, tell)
    with upgrading.changing(place):
        left = removing.uninstall(place, keep_data=keep_data, tell=tell)
    click.echo(f"Rigline is gone from {place.prefix}." + (" Data and settings are kept." if keep_data else ""))
    for each in left:
        click.echo(f"Left, as it is not ours: {each}")


def _update(place: Place, wish: Wish) -> None:
    """Bring an instance to the code of the wish; what its owner may have edited since is not touched."""
    fixed = {"--port": wish.port, "--bind": wish.bind, "--public-url": wish.public_url, "--cert": wish.cert}
    fixed |= {"--user": wish.account, "--name": wish.name}
    if said := [name for name, value in fixed.items() if value]:
        raise InstanceError(
            f"{place.prefix} is installed already, and {', '.join(said)} would change what may have been edited since. "
            f"Edit {place.settings}, or use `rigline ports force`; for another account or name, install anew."
        )
    upgrading.upgrade(place, wish, tell)
    if wish.systemd:
        place.record(making.unit(place, place.installed(), [], tell))


def _say_where(place: Place) -> None:
    first, *others = making.urls(place)
    click.echo(f"Rigline runs at {first}" + (f" (here: {others[0]})" if others else ""))
    if (code := place.data / FIRST_VISIT).exists():
        click.echo(f"  the first visit makes the first admin; it asks for the code in {code}")
    click.echo(f"  its logs: {place.logs}; the logs of jobs are in the database, on the jobs' pages")
    if place.installed().certificate:
        click.echo(
            f"  its certificate is self-signed: browsers warn; builders trust it by SSL_CERT_FILE={place.certificate}"
        )
