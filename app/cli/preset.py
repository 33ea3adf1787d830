"""`rigline preset`: dispatches saved under a name. `rigline dispatch preset NAME` asks for one."""

from typing import Any
from urllib.parse import quote

import click

from app.cli.asking import as_json, asks
from app.cli.output import cell, details, say_json, table
from app.client import Client, Json

LIST = {"name": "NAME", "kind": "KIND", "where": "REPOSITORY", "takes": "ARGUMENTS", "description": "DESCRIPTION"}
DETAILS = {
    "name": "preset",
    "description": "description",
    "kind": "kind",
    "repository": "repository",
    "remote_url": "remote",
    "commit": "commit",
    "branch": "branch",
    "boards": "boards",
    "tags": "tags",
    "configurations": "configurations",
    "seconds": "limit (s)",
    "repeat": "repeat",
    "made_by": "saved by",
    "changed_at": "saved",
}
ARGUMENTS = {"name": "ARGUMENT", "default": "DEFAULT", "patterns": "FITS", "description": "DESCRIPTION"}


@click.group()
def preset() -> None:
    """Save dispatches under a name."""


def _holds(command: Any) -> Any:
    options = (
        click.option("--kind", type=click.Choice(["build", "run"]), required=True, help="Build, or build and run."),
        click.option("--repository", metavar="OWNER/NAME", help="One that is served; without it the only one."),
        click.option("--remote-url", metavar="URL", help="Where to fetch from instead."),
        click.option("--commit", metavar="HASH", help="Full hash; without it the one that the branch is at."),
        click.option("--branch", help="Without it the default branch."),
        click.option("--board", "boards", multiple=True, help="A board or board type; may be repeated."),
        click.option("--tag", "tags", multiple=True, help="Only targets with this tag, or `-tag`; may be repeated."),
        click.option("--config", "configurations", multiple=True, help="Only this configuration; may be repeated."),
        click.option("--seconds", help="Each job's limit."),
        click.option("--repeat", help="So many runs; samples add up."),
        click.option(
            "--argument", "arguments", multiple=True, metavar="NAME[=DEFAULT]", help="May be given; `{NAME}` above."
        ),
        click.option(
            "--fits", multiple=True, metavar="NAME=GLOB", help="What an argument must fit; repeated: one of them."
        ),
        click.option("--description", default="", help="What it is for."),
        click.option("--replace", is_flag=True, help="Change the preset of this name."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@preset.command()
@click.argument("name")
@_holds
@as_json
@asks
def add(client: Client, name: str, replace: bool, as_json: bool, **given: Any) -> None:
    """Save a dispatch under a name. `{level}` in a field stands for the argument `level`.

    \b
    Example:
      rigline preset add nightly --kind run --repository acme/app --branch '{branch}' --tag arm64 \\
        --argument branch=main --argument level --fits level=debug --fits level=release
    """
    body = _body(given)
    if replace:
        made = client.put(f"/presets/{quote(name, safe='')}", body)
    else:
        made = client.post("/presets", {"name": name, **body})
    if as_json:
        say_json(made)
    else:
        needed = " ".join(f"--arg {each}=…" for each, rules in made["arguments"].items() if rules["default"] is None)
        click.echo(f"rigline dispatch preset {name} {needed}".rstrip())


@preset.command("list")
@as_json
@asks
def list_(client: Client, as_json: bool) -> None:
    """List presets.

    \b
    Example:
      rigline preset list
    """
    found = list(client.items("/presets"))
    if as_json:
        say_json({"items": found})
    else:
        table([_row(each) for each in found], LIST)


@preset.command()
@click.argument("name")
@as_json
@asks
def show(client: Client, name: str, as_json: bool) -> None:
    """Show one preset with its arguments.

    \b
    Example:
      rigline preset show nightly
    """
    found = client.get(f"/presets/{quote(name, safe='')}")
    if as_json:
        say_json(found)
        return
    details({**found["work"], **found}, DETAILS)
    if found["arguments"]:
        click.echo()
        rows = [{"name": each, **rules} for each, rules in found["arguments"].items()]
        table([{**row, "default": _default(row)} for row in rows], ARGUMENTS)


@preset.command()
@click.argument("name")
@asks
def remove(client: Client, name: str) -> None:
    """Forget a preset; what it opened stays.

    \b
    Example:
      rigline preset remove nightly
    """
    client.delete(f"/presets/{quote(name, safe='')}")
    click.echo(f"Preset {cell(name)} is forgotten.")


def _body(given: Json) -> Json:
    arguments = _arguments(given.pop("arguments"), given.pop("fits"))
    description = given.pop("description")
    work: Json = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    work |= {name: _number(work[name]) for name in ("seconds", "repeat")}
    work = {name: value for name, value in work.items() if value is not None}
    return {"description": description, "work": work, "arguments": arguments}


def _number(text: str | None) -> str | float | None:
    """Read a number; what is none, as `{limit}`, the service looks at."""
    if text is None or text.isdigit():
        return None if text is None else int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _arguments(named: tuple[str, ...], fits: tuple[str, ...]) -> Json:
    found: Json = {}
    for each in named:
        name, has_default, default = each.partition("=")
        found[name] = {"default": default if has_default else None, "patterns": []}
    for each in fits:
        name, is_pair, pattern = each.partition("=")
        if not is_pair or name not in found:
            raise click.UsageError(f"--fits {each}: expected NAME=GLOB of an --argument.")
        found[name]["patterns"].append(pattern)
    return found


def _row(found: Json) -> Json:
    work = found["work"]
    where = work["repository"] or work["remote_url"] or "the only one"
    return {**found, "kind": work["kind"], "where": where, "takes": list(found["arguments"])}


def _default(row: Json) -> str:
    return "required" if row["default"] is None else row["default"] or "none"
