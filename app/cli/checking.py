"""Ask for the check of a board, and print what it says while it says it."""

import sys
import time
from urllib.parse import quote

import click

from app.cli.job import ENDED
from app.cli.output import coloured, plain
from app.client import Client, Json

LOOK_EVERY_S = 0.5
of_builder = click.option("--builder", metavar="NAME", help="Needed if several builders have a board of that name.")


def path(name: str, builder: str | None, action: str = "") -> str:
    """Write the address of a board, or of something to be done to it."""
    of = f"?builder={quote(builder, safe='')}" if builder else ""
    return f"/boards/{quote(name, safe='')}{action}{of}"


def ask(client: Client, name: str, builder: str | None) -> Json:
    """Ask for a check: `board`, `builder` and `job_id`."""
    asked: Json = client.post(path(name, builder, "/check"))
    return asked


def follow(client: Client, asked: Json) -> bool:
    """Print the log of a check until it has ended, and how it ended; tell whether it passed."""
    click.echo(f"{asked['builder']}/{asked['board']}: job {asked['job_id']}")
    shown, told = 0, ""
    while True:
        job = client.get(f"/jobs/{asked['job_id']}")  # before its log: so an ended one is shown whole
        new = client.text(f"/jobs/{asked['job_id']}/log", start=shown) if job["attempt"] else b""
        sys.stdout.write(plain(new.decode(errors="replace")))
        shown += len(new)
        if job["state"] in ENDED:
            break
        if job["reason"] not in ("", told):
            told = job["reason"]
            click.echo(plain(told), err=True)
        time.sleep(LOOK_EVERY_S)
    click.echo(f"{asked['builder']}/{asked['board']}: {coloured(job['state'])} {plain(job['reason'])}".rstrip())
    return bool(job["state"] == "passed")
