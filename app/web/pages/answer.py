"""One view, two answers: a page for people, the same data as JSON for programs."""

import functools
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from quart import Blueprint, Response, current_app, render_template, request

from app.deps import Deps
from app.errors import NotFound

pages = Blueprint("pages", __name__)

LONGEST_TEXT = 500  # characters of one value in a query string
PAGE = 50  # rows of one page of a list
_INT4 = 2**31 - 1
ID = f"int(max={_INT4})"  # of a path: a larger one is just not found


def deps() -> Deps:
    """Give what the process was built with."""
    found: Deps = current_app.extensions["deps"]
    return found


def page(address: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Route an address and the same with `.json` to one function."""
    twin = "/index.json" if address == "/" else f"{address}.json"

    def add(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        async def checked(**parts: Any) -> Any:
            if not all(str(part).isprintable() for part in parts.values()):  # a NUL above all: no name holds one
                raise NotFound("No name holds control characters.")
            return await view(**parts)

        pages.get(twin, endpoint=f"{view.__name__}_json", **options)(checked)
        return pages.get(address, **options)(checked)

    return add


async def answer(template: str, view: Any, **drawn: Any) -> Response:
    """Render the view, or give it as JSON; what is only drawn, as the geometry of charts, is not in the JSON."""
    if not is_dataclass(view):
        raise TypeError(f"a page shows a view dataclass, not {type(view).__name__}")
    if request.path.endswith(".json"):
        return Response(msgspec.json.encode(view), content_type="application/json")
    body = await render_template(template, view=view, twin=_twin(), **drawn)
    return Response(body, content_type="text/html; charset=utf-8")


def renamed(forge: str, full_name: str) -> Response:
    """Lead to the same page of a repository under the name it has now."""
    twin = ".json" if request.path.endswith(".json") else ""
    return Response(status=302, headers={"Location": f"/{forge}/{quote(full_name)}{twin}"})


def _twin() -> str:
    path = "/index" if request.path == "/" else request.path
    query = request.query_string.decode("latin1")
    return f"{path}.json" + (f"?{query}" if query else "")


def text(name: str) -> str | None:
    """Read one value of the query string; an empty one counts as not given, a NUL is taken out."""
    value = request.args.get(name, "").replace("\0", "").strip()[:LONGEST_TEXT]
    return value or None


def number(name: str, *, largest: int = _INT4) -> int | None:
    """Read one whole number of the query string; nonsense counts as not given."""
    value = text(name)
    return min(int(value), largest) if value and re.fullmatch(r"[0-9]{1,18}", value) else None


def found(row: Any, what: str) -> Any:
    """Insist that there is something to show.

    Raises:
        NotFound: there is not; the text says what was looked for.
    """
    if row is None:
        raise NotFound(f"There is no {what}.")
    return row
