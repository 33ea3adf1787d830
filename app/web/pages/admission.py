"""Admit a browser for an hour, and let it go before."""

from http import HTTPStatus

from quart import Response

from app.web import admission
from app.web.pages.answer import pages


@pages.post("/admission")
async def admit() -> Response:
    """Take the token in the form, and lead to the page `to` that asked for it."""
    _, form = await admission.pressed()
    return _to(form.get("to", "/"))


@pages.post("/admission/leave")
async def leave() -> Response:
    """Forget the token."""
    admission.forget()
    return _to("/")


def _to(path: str) -> Response:
    # A second slash or a backslash would name another host; a control character might end the header.
    local = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isascii() and path.isprintable()
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path if local else "/"})
