"""Sign in with name and password or with a token, and sign out."""

import contextlib
from dataclasses import dataclass
from http import HTTPStatus

from quart import Response

from app.errors import Unauthorized
from app.web import admission, signing_in
from app.web.pages.answer import answer, button, deps, page, text

LONGEST_NAME = 100  # characters


@dataclass(frozen=True, kw_only=True)
class LoginView:
    """`/login`."""

    to: str  # where one comes back to
    name: str  # that was typed, when it was refused


@page("/login")
async def login() -> Response:
    """Ask who it is."""
    view = LoginView(to=signing_in.own_path(text("to") or "/"), name="")
    return await answer("login.html", view)


async def _asked_again() -> Response:
    form = await admission.form_of_ours()
    view = LoginView(to=signing_in.own_path(form.get("to", "/")), name=form.get("name", "")[:LONGEST_NAME])
    return await answer("login.html", view)


@button("/login", _asked_again)
async def sign_in() -> Response:
    """Sign in, and lead back to the page that asked for it."""
    form = await admission.form_of_ours()
    if form.get("token"):
        await signing_in.by_token(deps(), form["token"])
    else:
        await signing_in.by_password(deps(), form.get("name", ""), form.get("password", ""))
    return _to(form.get("to", "/"))


@button("/logout", login)
async def sign_out() -> Response:
    """End the session of this browser.

    Raises:
        Forbidden: the form is another site's.
    """
    with contextlib.suppress(Unauthorized):  # the session had ended by itself
        actor, _ = await admission.pressed()
        await signing_in.note_end(deps(), actor)
    await admission.end()
    return _to("/login?done=signed%20out")


def _to(path: str) -> Response:
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": signing_in.own_path(path)})
