"""One's own account: password, tokens, accounts on forges, and where one is signed in."""

from dataclasses import dataclass

import sqlalchemy as sa
from quart import Response, render_template

from app.db.queries import audit, grants, identities, sessions, tokens, users
from app.errors import Conflict, Invalid, NotFound, Unauthorized
from app.rights import Right
from app.web import admission, passwords, refused, signing_in, tries
from app.web.api import tokens as tokens_api
from app.web.api.operations import read_form
from app.web.api.sessions import SessionRow, revoke_session
from app.web.api.tokens import TokenRow, TokenWish
from app.web.api.users import NewPassword
from app.web.auth import Actor
from app.web.pages.answer import ID, answer, button, deps, go_to, page

MOST = 200  # rows of one list
OWN = "/account"


@dataclass(frozen=True, kw_only=True)
class Linked:
    """An account on a forge."""

    forge: str
    login: str


@dataclass(frozen=True, kw_only=True)
class RoleThere:
    """A role in one repository."""

    forge: str
    repository: str
    role: str
    by: str  # grant (an admin's) or forge (its rights)
    counts: bool  # else a grant does in its place


@dataclass(frozen=True, kw_only=True)
class AccountView:
    """`/account`."""

    name: str
    role: str | None
    has_password: bool
    this_session: int | None
    sessions: list[SessionRow]
    tokens: list[TokenRow]
    linked: list[Linked]
    roles: list[RoleThere]


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What belongs to a user, or to all users."""

    sessions: list[SessionRow]
    tokens: list[TokenRow]  # that are valid
    linked: list[Linked]
    roles: list[RoleThere]


async def belongings(user_id: int) -> Belongings:
    """Read what belongs to a user."""
    async with deps().begin() as db:
        idle = admission.idle(deps().settings)
        live = await sessions.list_(db, idle=idle, user_id=user_id, limit=MOST)
        valid = await tokens.valid(db, user_id=user_id, limit=MOST)
        linked = await identities.of_user(db, user_id)
        roles = await grants.list_(db, user_id=user_id, limit=MOST)
    return Belongings(
        sessions=[SessionRow(**each) for each in live],
        tokens=[TokenRow(**each) for each in valid],
        linked=[Linked(forge=each["forge"], login=each["login"]) for each in linked],
        roles=[RoleThere(**{name: each[name] for name in RoleThere.__dataclass_fields__}) for each in roles],
    )


@page(OWN)
async def account() -> Response:
    """Show one's own account."""
    actor, user = await _me(await admission.insist(Right.ACCOUNT))
    own = await belongings(user["id"])
    view = AccountView(
        name=actor.name,
        role=actor.role,
        has_password=user["password_hash"] is not None,
        this_session=admission.session_id(),
        sessions=own.sessions,
        tokens=own.tokens,
        linked=own.linked,
        roles=own.roles,
    )
    return await answer("account.html", view)


@button(f"{OWN}/password", account)
async def change_password() -> Response:
    """Replace one's own password; every other session ends.

    Raises:
        Unauthorized: the present password is wrong.
        TooManyTries: it is being guessed.
    """
    pressed, form = await admission.pressed(Right.ACCOUNT)
    actor, user = await _me(pressed)
    wanted: NewPassword = read_form(NewPassword, {"password": form.get("password", "")})
    await tries.count(deps(), actor.name)
    kept = user["password_hash"]
    if kept is not None and not await passwords.matches(kept, form.get("current", "")[: passwords.LONGEST]):
        await refused.note(deps(), "present password", actor.name)
        raise Unauthorized("The present password is wrong.")
    made = await passwords.hashed(wanted.password.get_secret_value())
    async with deps().begin() as db:
        await users.set_password(db, actor.name, made)
        await sessions.revoke_all(db, user["id"], but=admission.session_id())
        await audit.record(db, "user.password", actor=actor.name, detail=actor.name)
    return go_to(OWN, "password set")


@button(f"{OWN}/tokens", account)
async def add_token() -> Response:
    """Make a token, and show it this once."""
    actor, form = await admission.pressed(Right.ACCOUNT)
    made = await tokens_api.add_token(deps(), actor=actor, body=token_wish(form, actor.name))
    return await show_token(made.token, actor.name, OWN)


@button(f"{OWN}/tokens/<{ID}:token_id>/revoke", account)
async def revoke_token(token_id: int) -> Response:
    """Make one of one's own tokens worthless."""
    actor, _ = await admission.pressed(Right.ACCOUNT)
    async with deps().begin() as db:
        if not await tokens.revoke(db, token_id, user_id=actor.user_id or 0):
            raise NotFound(f"There is no token {token_id} of yours.")
        await audit.record(db, "token.revoked", actor=actor.name, detail=str(token_id))
    return go_to(OWN, "token revoked")


@button(f"{OWN}/sessions/<{ID}:session_id>/end", account)
async def end_session(session_id: int) -> Response:
    """End one of one's own sessions."""
    actor, _ = await admission.pressed(Right.ACCOUNT)
    await revoke_session(deps(), actor=actor, session_id=session_id)
    return go_to(OWN, "session ended")


@button(f"{OWN}/sessions/end", account)
async def end_others() -> Response:
    """End all of one's own sessions but this one."""
    actor, _ = await admission.pressed(Right.ACCOUNT)
    async with deps().begin() as db:
        ended = await sessions.revoke_all(db, actor.user_id or 0, but=admission.session_id())
        await audit.record(db, "session.revoked", actor=actor.name, detail=f"all {ended} others of {actor.name}")
    return go_to(OWN, "sessions ended")


@button(f"{OWN}/linked/<forge>/unlink", account)
async def unlink(forge: str) -> Response:
    """Sign in with this account on a forge no more.

    Raises:
        Conflict: there would be no way left to sign in.
    """
    pressed, _ = await admission.pressed(Right.ACCOUNT)
    actor, user = await _me(pressed)
    if user["password_hash"] is None and len((await belongings(user["id"])).linked) == 1:
        raise Conflict("This is the only way for you to sign in. Set a password first.")
    await signing_in.unlink(deps(), user["id"], actor.name, forge, actor=actor.name)
    return go_to(OWN, "unlinked")


async def show_token(text: str, user: str, back: str) -> Response:
    """Show a token in the answer to the press itself: no address, cookie or cache keeps it."""
    body = await render_template("token.html", token=text, user=user, back=back, server=deps().settings.public_url)
    headers = {"Cache-Control": "no-store"}
    return Response(body, status=201, content_type="text/html; charset=utf-8", headers=headers)


def token_wish(form: dict[str, str], user: str) -> TokenWish:
    """Read the form for a token.

    Raises:
        Invalid: it has no name, or lives for too long.
    """
    if not form.get("name", "").strip():
        raise Invalid("name: say what the token is for.")
    known = {name: form[name] for name in ("name", "days") if form.get(name)}
    wish: TokenWish = read_form(TokenWish, known | {"user": user})
    return wish


async def _me(actor: Actor) -> tuple[Actor, sa.RowMapping]:
    """Read the row of who looks.

    Raises:
        NotFound: it is the local socket, which is no user.
    """
    async with deps().begin() as db:
        user = await users.by_name(db, actor.name) if actor.user_id is not None else None
    if user is None:
        raise NotFound("The local socket is no user and has no account.")
    return actor, user
