"""`rigline job artefact`: the files that a job left to be kept."""

import sys
from pathlib import Path
from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.output import cell, say_json, table
from app.client import Client, Refused

LIST = {"number": "NUMBER", "name": "NAME", "size": "BYTES", "sha256": "SHA-256"}


@click.group()
def artefact() -> None:
    """List a job's artefacts, and fetch one."""


@artefact.command("list")
@click.argument("job_id", type=int)
@as_json
@asks
def list_(client: Client, job_id: int, as_json: bool) -> None:
    """List the files that a job left to be kept.

    \b
    Example:
      rigline job artefact list 12
    """
    found = client.get(f"/jobs/{job_id}/artefacts")
    if as_json:
        say_json(found)
        return
    table(found["items"], LIST)
    if found["removed_at"]:
        click.echo(f"They were removed on {cell(found['removed_at'])}; only their names are left.", err=True)


@artefact.command()
@click.argument("job_id", type=int)
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write into this file.")
@asks
def get(client: Client, job_id: int, name: str, output: Path | None) -> None:
    """Print an artefact byte by byte, or write it into a file. NAME is one of the list, or its number.

    \b
    Example:
      rigline job artefact get 12 build/app.elf --output app.elf
    """
    number = _number(client.get(f"/jobs/{job_id}/artefacts")["items"], job_id, name)
    data = client.text(f"/jobs/{job_id}/artefacts/{number}")
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        output.write_bytes(data)


def _number(found: list[dict[str, Any]], job_id: int, name: str) -> int:
    """Find an artefact: by its name first, as a name may be a number too."""
    for each in found:
        if each["name"] == name:
            return int(each["number"])
    if name.isdecimal() and any(each["number"] == int(name) for each in found):
        return int(name)
    names = ", ".join(cell(each["name"]) for each in found) or "it has none"
    raise Refused(404, "not_found", f"Job {job_id} has no artefact {name}: {names}.")
