"""One view, two answers: a page for people, the same data as JSON for programs."""

import contextlib
import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import is_dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from pydantic import BaseModel
from quart import Blueprint, Response, current_app, g, render_template, request

from app.deps import Deps
from app.errors import ApiError, NotFound
from app.web import any_name
from app.web.pages import fresh
from app.web.pages.exports import Sheet

pages = Blueprint("pages", __name__)
any_name.allow(pages)
pages.before_request(fresh.note_position)

LONGEST_TEXT = 500  # characters of one value in a query string
PAGE = 50  # rows of one page of a list
_INT4 = 2**31 - 1
SAID = "done"  # in the query string of a page after a button was pressed: a key of `DONE`, and nothing else is said
DONE = {
    "paused": "Paused: it gets no new jobs; those that run go on.",
    "resumed": "Resumed: it gets jobs again.",
    "draining": "Draining: it ends its jobs and gets no new ones; then its agent ends.",
    "checking": "Asked for the check. What it finds is shown at the board as soon as it has ended.",
    "revoked": "Its token is refused from now on. Its jobs are tried elsewhere; look at each board, then call it good.",
    "deleted": "The builder is gone; its token is refused from now on. What it did before stays.",
    "good": "Called good: it gets jobs again.",
    "maintenance": "Taken out: it gets no jobs until somebody calls it good.",
    "held": "Held: it gets no jobs until the time is over, or somebody releases it.",
    "to be held": "It is held when a job on it goes wrong.",
    "released": "Released: it gets jobs again.",
    "cancelled": "Cancelled. What runs is stopped within the cancel grace.",
    "accepted": "Accepted: it fails no status until it grows.",
    "replayed": "Handed out once more.",
    "retried": "Queued again.",
    "searched": "The search begins: its comparisons run one after the other.",
    "backfilled": "Queued: they run when nothing more urgent waits.",
    "judged": "Said. It holds until the change grows beyond its tolerance.",
    "deleted job": "The job is gone, with its log and results.",
    "deleted pipeline": "The pipeline is gone, with its jobs, logs and results.",
    "set": "Kept. It counts from now on.",
    "rules kept": "Kept. They count while the repository has none of its own.",
    "rules forgotten": "Forgotten. The repository's own rules count, else the built-in ones.",
    "distrusted": "Taken back. What waited by that approval is cancelled.",
    "webhook made": "The webhook is made on the forge, with a secret of its own.",
    "secret kept": "Kept. It cannot be read back.",
    "secret forgotten": "Forgotten: what is signed with it is refused from now on.",
    "subscribed": "It is told from now on.",
    "unsubscribed": "Ended: it is told nothing more.",
    "arrived": "The test arrived.",
    "muted": "Muted: no alarm and no failed status by it until then.",
    "unmuted": "It raises alarms again.",
    "annotated": "Said at that commit.",
    "taken back": "Taken back.",
    "opened": "Opened now, by the rules of today.",
    "resting": "It rests: it opens nothing by itself until somebody lets it go on.",
    "goes on": "It goes on at its next time.",
    "unserved": "It is no longer served. Its history stays, and adding it again goes on with it.",
    "served": "It is served: its pushes and pull requests become pipelines.",
    "no error": "No further line of the log looks like an error.",
    "password set": "The password is set. It is what you sign in with from now on.",
    "token revoked": "The token is worth nothing from now on.",
    "session ended": "The session has ended.",
    "sessions ended": "The sessions have ended.",
    "linked": "Linked: that account on the forge signs in from now on.",
    "unlinked": "Unlinked: that account on the forge signs nobody in any more.",
    "role given": "The role counts from now on.",
    "user removed": "The user is gone, with all tokens and sessions. What it did stays in the audit.",
    "signed out": "You are signed out.",
    "retried job": "Queued again: this is the new job.",
}
ID = f"int(max={_INT4})"  # of a path: a larger one is just not found


def deps() -> Deps:
    """Give what the process was built with."""
    found: Deps = current_app.extensions["deps"]
    return found


def page(address: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Route an address and the same with `.json` to one function; a page with a sheet has it with `.csv` too."""
    twin = "/index.json" if address == "/" else f"{address}.json"
    has_sheet = options.pop("csv", False)

    def add(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        async def checked(**parts: Any) -> Any:
            _check_names(parts)
            return await fresh.together(functools.partial(view, **parts))

        pages.get(twin, endpoint=f"{view.__name__}_json", **options)(checked)
        if has_sheet:
            pages.get(f"{address}.csv", endpoint=f"{view.__name__}_csv", **options)(checked)
        return pages.get(address, **options)(checked)

    return add


def _check_names(parts: dict[str, Any]) -> None:
    if not all(str(part).isprintable() for part in parts.values()):  # a NUL above all: no name holds one
        raise NotFound("No name holds control characters.")


async def answer(template: str, view: Any, *, sheet: Sheet | None = None, **drawn: Any) -> Response:
    """Render the view, or give it as JSON, or its table as CSV; what is drawn, as a chart, is in neither."""
    if not is_dataclass(view):
        raise TypeError(f"a page shows a view dataclass, not {type(view).__name__}")
    if request.path.endswith(".json"):
        return Response(msgspec.json.encode(view, enc_hook=_plain), content_type="application/json")
    if sheet is not None and request.path.endswith(".csv"):
        return Response(sheet.as_csv(), content_type="text/csv; charset=utf-8; header=present")
    problem: ApiError | None = g.get("problem")
    sheets = {"csv": _twin("csv")} if sheet is not None else {}
    told = (
        {"problem": problem.message}
        if problem
        else {"twin": _twin(), **sheets, "notice": DONE.get(text(SAID) or "", "")}
    )
    body = await render_template(template, view=view, **told, **drawn)
    status = problem.status if problem else HTTPStatus.OK
    return _varying(Response(body, status=status, content_type="text/html; charset=utf-8"))


def _varying(response: Response) -> Response:
    """Keep parts of a page apart from the page: they are for the page that asked, and for no cache."""
    if fresh.is_partial():
        response.headers.add("Vary", fresh.PARTS)
        response.headers["Cache-Control"] = "no-cache"
    return response


def _plain(value: Any) -> Any:
    """Make an answer of the API that is part of a page what JSON knows."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise TypeError(f"a page's data holds a {type(value).__name__}")


def button(
    address: str, shows: Callable[..., Awaitable[Response]]
) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
    """Route a form of a page to a function; what it refuses is said on that page, with the status of the refusal.

    Args:
        shows: the view of the page, which takes the parts of the address that it knows.
    """
    known = inspect.signature(shows).parameters

    def add(act: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        @functools.wraps(act)
        async def pressed(**parts: Any) -> Response:
            _check_names(parts)
            try:
                return await act(**parts)
            except ApiError as problem:
                g.problem = problem
                with contextlib.suppress(ApiError):  # as where who pressed it may not see the page either
                    return await shows(**{name: part for name, part in parts.items() if name in known})
                raise

        page_name = act.__module__.rpartition(".")[2]
        pages.post(address, endpoint=f"{page_name}_{act.__name__}")(pressed)
        return pressed

    return add


def go_to(path: str, done: str = "") -> Response:
    """Lead to a page, which says what was done in the words of `DONE`."""
    query = f"?{SAID}={quote(done)}" if done else ""
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"{path}{query}"})


def renamed(forge: str, full_name: str, below: str = "") -> Response:
    """Lead to the same page of a repository under the name it has now, with the same query string."""
    twin = next((each for each in (".json", ".csv") if request.path.endswith(each)), "")
    query = request.query_string.decode("latin1")
    return Response(
        status=302, headers={"Location": f"/{forge}/{quote(full_name)}{below}{twin}" + (f"?{query}" if query else "")}
    )


def _twin(kind: str = "json") -> str:
    path = "/index" if request.path == "/" else quote(request.path, safe="/.")
    query = request.query_string.decode("latin1")
    return f"{path}.{kind}" + (f"?{query}" if query else "")


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
