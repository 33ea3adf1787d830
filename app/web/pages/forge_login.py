"""Sign in with an account on GitHub or GitLab: there and back."""

import hmac
import json
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from quart import Response, g, request

from app.errors import ApiError, Forbidden, NotFound, Unavailable
from app.sealed import seal, unseal
from app.web import admission, forge_accounts, refused, same_origin, signing_in, tries
from app.web.pages.answer import answer, deps, pages, text
from app.web.pages.login import LoginView
from integrations.events import Actor as Account
from integrations.forge import Permanent, Transient
from integrations.sign_in import SignIn, Started

LIFETIME_S = 600  # to say yes on the forge
LONGEST_COOKIE = 3000  # characters
DENIED = "access_denied"


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What a browser went to a forge for; in a cookie that only we can read and write."""

    forge: str
    state: str
    verifier: str
    to: str  # where one comes back to
    links: int | None  # the user that the account is to be linked with; None: to sign in


@pages.get("/login/<forge>")
async def leave(forge: str) -> Response:
    """Send the browser to the forge.

    Raises:
        NotFound: nobody signs in with this forge here.
    """
    way, started = _way(forge), Started.new()
    links = None
    if text("link"):
        same_origin.check_origin(deps().settings.public_url)
        visitor = await admission.visitor()
        links = visitor.user_id if visitor else None
    to = signing_in.own_path(text("to") or "/")
    errand = Errand(forge=forge, state=started.state, verifier=started.verifier, to=to, links=links)
    _keep(seal(_key(), json.dumps(vars(errand))).decode(), LIFETIME_S)
    return _to(way.address(started, back=_back(forge)))


@pages.get("/login/<forge>/callback")
async def come_back(forge: str) -> Response:
    """Sign in who comes back from the forge, once; what goes wrong is said on the page to sign in."""
    errand, account = _errand(), None
    _keep("", 0)
    try:
        way = _way(forge)
        ours = await _ours(way, errand)
        account = await _identified(way, ours)
        await forge_accounts.welcome(deps(), way.name, account, links=ours.links)
        return _to(ours.to)
    except ApiError as problem:
        if isinstance(problem, Forbidden):
            await refused.note(deps(), forge, account.name if account else None)
        return await _refused(problem, errand)


async def _ours(way: SignIn, errand: Errand | None) -> Errand:
    """Believe that this browser went to the forge for us.

    Raises:
        Forbidden: it did not, or the person or the forge said no.
        TooManyTries: too many from this address.
    """
    await tries.count(deps())
    state = request.args.get("state", "")
    is_ours = errand is not None and errand.forge == way.name and hmac.compare_digest(errand.state, state)
    if errand is None or not is_ours:
        raise Forbidden("This sign-in was not begun in this browser, or more than ten minutes ago. Begin again.")
    if "error" in request.args:
        denied = request.args["error"] == DENIED
        raise Forbidden(f"{way.title} says that you said no." if denied else f"{way.title} refused the sign-in.")
    return errand


async def _identified(way: SignIn, errand: Errand) -> Account:
    """Ask the forge who it is.

    Raises:
        Forbidden: it knows nothing of this.
        Unavailable: it does not answer.
    """
    started = Started(errand.state, errand.verifier)
    try:
        return await way.identify(request.args.get("code", ""), started, back=_back(way.name))
    except Transient as problem:
        raise Unavailable(f"{problem}. Try again in a moment.") from None
    except Permanent as problem:
        raise Forbidden(f"{problem}. Begin again.") from None


async def _refused(problem: ApiError, errand: Errand | None) -> Response:
    g.problem = problem
    return await answer("login.html", LoginView(to=errand.to if errand else "/", name=""))


def _way(forge: str) -> SignIn:
    found = deps().sign_ins.get(forge)
    if found is None:
        raise NotFound(f"Nobody signs in with {forge} here: the settings name no client for it.")
    return found


def _errand() -> Errand | None:
    """Read the cookie; None if there is none of ours that is young enough."""
    sealed = request.cookies.get(_cookie_name(), "")
    if not sealed.isascii() or not 0 < len(sealed) <= LONGEST_COOKIE:
        return None
    opened = unseal(_key(), sealed.encode(), lifetime_s=LIFETIME_S)
    return Errand(**json.loads(opened)) if opened else None


def _keep(sealed: str, lifetime_s: int) -> None:
    kept: Any = partial(
        Response.set_cookie, max_age=lifetime_s, secure=admission.is_secure(), httponly=True, samesite="Lax"
    )
    name = _cookie_name()
    admission.on_answer(lambda response: kept(response, name, sealed))


def _cookie_name() -> str:
    return admission.cookie_name(deps().settings, secure=admission.is_secure()) + "_errand"


def _key() -> str:
    return deps().settings.secret_key.get_secret_value()


def _back(forge: str) -> str:
    return f"{deps().settings.public_url}/login/{forge}/callback"


def _to(address: str) -> Response:
    headers = {"Location": address, "Cache-Control": "no-store"}
    return Response(status=HTTPStatus.SEE_OTHER, headers=headers)
