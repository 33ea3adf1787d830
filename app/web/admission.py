"""Who looks at a page: the local socket, a bearer of a token, or a browser that was given one for an hour.

A browser posts a user's token once (`/admission`, or the field beside a button) and keeps it in a cookie: sealed by the
service, out of reach of scripts, sent by no other site. The token is looked up at every request, so that revoking it
ends the hour. The cookie counts on pages only; the API knows none.

A page that not everybody may read begins with `await admission.insist(right)`; a button's route with
`actor, form = await admission.pressed(right)`, and its form holds `token_field(visitor)` of `_admission.html`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from quart import Response, after_this_request, current_app, request

from app.deps import Deps
from app.errors import Forbidden, Unauthorized
from app.rights import Right, roles_with
from app.sealed import seal, unseal
from app.web import auth, tries, wire
from app.web.auth import Actor

COOKIE = "rigline_admission"
LIFETIME_S = 3600  # by this machine's clock: only the hour of a browser hangs on it
LONGEST_FORM = 4096  # bytes
_LONGEST_COOKIE = 1000  # characters


async def visitor() -> Actor | None:
    """Find who looks at this page, which no cache keeps then; None for nobody in particular, also after the hour."""
    actor = await auth.current_actor() or await _by_cookie()
    if actor is not None:
        _on_answer(lambda response: response.headers.set("Cache-Control", "no-store"))
    return actor


async def insist(right: Right) -> Actor:
    """Let only somebody with this right read the page, which no cache keeps then.

    Raises:
        Unauthorized: nobody in particular looks; the error's page asks for a token.
        Forbidden: the visitor's role does not cover it.
    """
    _on_answer(lambda response: response.headers.set("Cache-Control", "no-store"))
    actor = await visitor()
    if actor is None:
        who = " or ".join(roles_with(right))
        raise Unauthorized(f"This page needs the token of a user with the role {who}.", headers=auth.CHALLENGE)
    actor.insist(right)
    return actor


async def pressed(right: Right | None = None) -> tuple[Actor, dict[str, str]]:
    """Find who pressed a button of one of our pages, and what else stood in its form.

    A token in the form admits the browser too. A cookie counts only for a form of ours: browsers say whose it is.

    Raises:
        Unauthorized: neither token nor cookie, or not a valid one.
        Forbidden: the form is another site's, or the role does not cover it.
        TooLarge, TooManyTries: as they say.
    """
    _check_origin()
    form = await _form()
    token = form.pop("token", "")
    actor = await _admit(token) if token else await auth.current_actor()
    if actor is None and "Origin" in request.headers:
        actor = await _by_cookie()
    if actor is None:
        raise Unauthorized(f"This needs a token, in the field beside the button. {auth.WAY_IN}", headers=auth.CHALLENGE)
    if right is not None:
        actor.insist(right)
    return actor, form


def forget() -> None:
    """Take the cookie back with this answer.

    Raises:
        Forbidden: the form is another site's.
    """
    _check_origin()
    _keep("", 0)


def _deps() -> Deps:
    deps: Deps = current_app.extensions["deps"]
    return deps


async def _admit(token: str) -> Actor:
    await tries.count(_deps())
    actor = await auth.with_token(token)
    _keep(seal(_deps().settings.secret_key.get_secret_value(), token.strip()).decode(), LIFETIME_S)
    return actor


async def _by_cookie() -> Actor | None:
    sealed = request.cookies.get(COOKIE, "")
    if not sealed or len(sealed) > _LONGEST_COOKIE or not sealed.isascii():
        return None
    key = _deps().settings.secret_key.get_secret_value()
    token = unseal(key, sealed.encode(), lifetime_s=LIFETIME_S)
    try:
        return await auth.with_token(token) if token else None
    except Unauthorized:  # revoked or expired since
        return None


async def _form() -> dict[str, str]:
    return dict(parse_qsl((await wire.body(LONGEST_FORM)).decode("utf-8", "replace")))


def _check_origin() -> None:
    public = urlsplit(_deps().settings.public_url)
    ours = (f"{public.scheme}://{public.netloc}", request.host_url.rstrip("/"))
    if request.headers.get("Origin", ours[0]) not in ours:
        raise Forbidden("This form belongs to another site.")


def _keep(sealed: str, lifetime_s: int) -> None:
    secure = request.is_secure or _deps().settings.public_url.startswith("https:")
    strict = partial(Response.set_cookie, max_age=lifetime_s, secure=secure, httponly=True, samesite="Strict")
    _on_answer(lambda response: strict(response, COOKIE, sealed))


def _on_answer(change: Callable[[Any], None]) -> None:
    """Change the answer to this request, whatever it will be."""

    @after_this_request
    async def changed(response: Any) -> Any:
        change(response)
        return response
