"""Who looks at a page: the local socket, a bearer of a token, or a browser that somebody signed in with.

The browser's cookie holds a random id, whose row says who and until when (`app/db/queries/sessions.py`). It is out of
reach of scripts, and counts on pages only; the API knows tokens.

A page that not everybody may read begins with `await admission.insist(right)`; a button's route with
`actor, form = await admission.pressed(right)`. Every template knows the visitor as `signed_in`.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import sqlalchemy as sa
from quart import Response, after_this_request, current_app, g, request

from app.db.queries import sessions
from app.deps import Deps
from app.errors import ApiError, Unauthorized
from app.rights import Right, roles_with
from app.settings import Settings
from app.web import agents, auth, looking, same_origin, wire
from app.web.auth import Actor

DOORS = ("/api/v1/login", "/login", "/logout", "/password", "/unsubscribe", "/welcome")  # open where nothing else is
LONGEST_FORM = 16 << 10  # bytes: a password of 1000 characters, each of which may be twelve in a form
_ID_LENGTH = 43  # characters of 256 bits


async def look() -> None:
    """Find out, before a request is answered, who sends it and what of the database it may see.

    Raises:
        Unauthorized: the credentials are wrong; or there are none, and the service shows nobody anything.
    """
    if not looking.is_for_people():
        return
    looking.see_as(None)
    actor = await (visitor() if request.blueprint == "pages" else auth.current_actor())
    looking.see_as(actor)
    if actor is None and not _deps().settings.public and not request.path.startswith(DOORS):
        raise Unauthorized(f"Nothing here is public. {auth.WAY_IN}", headers=auth.CHALLENGE)


async def visitor() -> Actor | None:
    """Find who looks at this page, which no cache keeps then; None for nobody in particular.

    Raises:
        Unauthorized: credentials were sent in the header, but they are malformed, unknown, expired or revoked.
    """
    if "visitor" not in g:
        g.visitor = await auth.current_actor() or await _by_session()
        if g.visitor is not None:
            on_answer(_kept_by_no_cache)
    found: Actor | None = g.visitor
    return found


async def shown() -> dict[str, Any]:
    """Tell every template who looks; what keeps us from knowing is no reason for not showing a page."""
    try:
        who = await visitor()
    except (ApiError, sa.exc.SQLAlchemyError, OSError):
        who = None
    return {"signed_in": who, "ways": [(each.name, each.title) for each in _deps().sign_ins.values()]}


async def insist(right: Right, *, anywhere: bool = False) -> Actor:
    """Let only somebody with this right read the page, which no cache keeps then.

    Args:
        anywhere: having it in some repository suffices; the page shows what can be seen.

    Raises:
        Unauthorized: nobody in particular looks; the error's page lets one sign in.
        Forbidden: neither the visitor's role nor a grant covers it.
    """
    on_answer(_kept_by_no_cache)
    actor = await visitor()
    if actor is None:
        who = " or ".join(roles_with(right))
        raise Unauthorized(f"This page is for users with the role {who}. Sign in to see it.", headers=auth.CHALLENGE)
    await auth.check(actor, right, {}, anywhere=anywhere)
    return actor


async def pressed(
    right: Right | None = None, *, longest: int = LONGEST_FORM, anywhere: bool = False, **named: int
) -> tuple[Actor, dict[str, str]]:
    """Find who pressed a button of one of our pages, and what else stood in its form, of at most so many bytes.

    A right that may be granted in a single repository is asked for in that of what is named, such as by `job_id`.
    A session counts only for a form of ours: see `app/web/same_origin.py`.

    Args:
        anywhere: see `auth.require`.

    Raises:
        Unauthorized: nobody is signed in.
        Forbidden: the form is another site's, or neither role nor grant covers it.
        NotFound: there is no such thing, or it is not to be seen.
        TooLarge: the form is.
    """
    form = await form_of_ours(longest)
    given = form.pop(same_origin.FIELD, "")
    actor = await visitor()
    if actor is None:
        raise Unauthorized("This needs somebody who is signed in. Sign in, and press again.", headers=auth.CHALLENGE)
    if "form_key" in g:
        same_origin.check_token(given, g.form_key)
    if right is not None:
        await auth.check(actor, right, named, anywhere=anywhere)
    return actor, form


async def form_of_ours(longest: int = LONGEST_FORM) -> dict[str, str]:
    """Read a form of a page of ours, whoever sends it, of at most so many bytes.

    Raises:
        Forbidden: the form is another site's.
        TooLarge: it is.
    """
    same_origin.check_origin(_settings().public_url)
    return dict(parse_qsl((await wire.body(longest)).decode("utf-8", "replace")))


async def begin(user_id: int, way: str, *, token_id: int | None = None) -> None:
    """Sign this browser in: the answer brings the cookie, and an earlier session of it ends.

    Args:
        way: how who it is was proved: password, token, first, or the name of a forge.
        token_id: the token by which; when that ends the session does too.
    """
    settings = _settings()
    wish = sessions.Begin(
        user_id=user_id,
        way=way,
        lifetime=timedelta(days=settings.session_days),
        address=address(),
        agent=agents.in_words(request.headers.get("User-Agent", "")),
        token_id=token_id,
    )
    async with _deps().begin() as db:
        await _end_earlier(db)
        secret = await sessions.add(db, wish)
    _keep(secret, settings.session_days * 86400)


async def end() -> None:
    """Sign this browser out: its session is worth nothing from now on, and the cookie goes."""
    async with _deps().begin() as db:
        await _end_earlier(db)
    _keep("", 0)


def session_id() -> int | None:
    """Give the row of the session that this request came with, once `visitor` was asked."""
    found: int | None = g.get("session_id")
    return found


def address() -> str:
    """Say where the request comes from; `local` for the Unix socket."""
    return request.remote_addr or "local"


def on_answer(change: Callable[[Any], None]) -> None:
    """Change the answer to this request, whatever it will be."""

    @after_this_request
    async def changed(response: Any) -> Any:
        change(response)
        return response


def cookie_name(settings: Settings, *, secure: bool) -> str:
    """Name the cookie; by the service's address, because browsers do not tell the ports of a host apart."""
    of_this_service = hashlib.sha256(settings.public_url.encode()).hexdigest()[:8]
    return f"{'__Host-' if secure else ''}rigline_{of_this_service}"


def is_secure() -> bool:
    """Say whether browsers reach the service by https."""
    return request.is_secure or _settings().public_url.startswith("https:")


def idle(settings: Settings) -> timedelta:
    """Say how long a session may rest."""
    return timedelta(hours=settings.session_idle_hours)


def _deps() -> Deps:
    deps: Deps = current_app.extensions["deps"]
    return deps


def _settings() -> Settings:
    return _deps().settings


async def _by_session() -> Actor | None:
    secret = _cookie()
    if secret is None:
        return None
    deps = _deps()
    async with deps.autocommit() as db:
        found = await sessions.find(db, secret, idle=idle(deps.settings), address=address())
    if found is None:
        return None
    g.session_id = found["id"]
    g.form_key = same_origin.key_of(deps.settings.secret_key.get_secret_value(), secret)
    return auth.known(found, f"session {found['id']}")


async def _end_earlier(db: Any) -> None:
    secret = _cookie()
    found = None if secret is None else await sessions.by_secret(db, secret)
    if found is not None:
        await sessions.revoke(db, found)


def _cookie() -> str | None:
    """Read the id that the browser sent; None for what can be none."""
    found = request.cookies.get(cookie_name(_settings(), secure=is_secure()), "")
    return found if len(found) == _ID_LENGTH and found.isascii() else None


def _keep(secret: str, lifetime_s: int) -> None:
    name, secure = cookie_name(_settings(), secure=is_secure()), is_secure()
    # Lax: with Strict a link on a forge would lead to a page that does not know who looks.
    kept = partial(Response.set_cookie, max_age=lifetime_s, secure=secure, httponly=True, samesite="Lax")
    on_answer(lambda response: kept(response, name, secret))
    on_answer(_kept_by_no_cache)


def _kept_by_no_cache(response: Any) -> None:
    response.headers.set("Cache-Control", "no-store")
