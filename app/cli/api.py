"""`rigline api`: any operation of the API, for what has no command of its own."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.cli.asking import asks
from app.cli.output import say_json
from app.client import API, Client, Json

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
JSON = "application/json"


@click.command()
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option("--data", metavar="JSON|@FILE", help="The body; @FILE reads it from a file, @- from the input.")
@click.option("--type", "media", default=JSON, show_default=True, help="Media type of the body.")
@click.option("--query", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--paginate", is_flag=True, help="Read all pages of a list.")
@asks
def api(
    client: Client, method: str, path: str, *, data: str | None, media: str, pairs: tuple[str, ...], paginate: bool
) -> None:
    """Send any request to the API and print its answer. `/docs` of the service names all operations.

    A refusal exits 1, or 2 if what was sent is wrong, with its message; 3 says that the service cannot be reached.

    \b
    Example:
      rigline api GET /pipelines --query state=failed --paginate
      rigline api POST /jobs/7/cancel --data '{"reason": "wrong board"}'
    """
    below = path.removeprefix(API) if path.startswith("/") else f"/{path}"
    if paginate and method.upper() != "GET":
        raise click.UsageError("--paginate: only GET reads lists.")
    query = _query(pairs)
    if paginate:
        say_json({"items": list(client.pages(below, query)), "next": None})
    elif below.endswith("/stream"):
        for event in client.events(below):
            click.echo(json.dumps({"event": event.kind, "data": event.data, "id": event.id}))
    else:
        body: Json = {} if data is None else {"content": _bytes(data), "media": media}
        _say(*client.raw(method.upper(), below, params=query, **body))


def _query(pairs: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for each in pairs:
        name, is_pair, value = each.partition("=")
        if not is_pair or name in found:
            raise click.UsageError(f"--query {each}: expected NAME=VALUE, each name once.")
        found[name] = value
    return found


def _bytes(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    try:
        return sys.stdin.buffer.read() if data == "@-" else Path(data[1:]).read_bytes()
    except OSError as problem:
        raise click.UsageError(f"--data {data}: {problem.strerror}") from None


def _say(media: str, body: bytes) -> None:
    if media == JSON:
        say_json(json.loads(body))
    else:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
