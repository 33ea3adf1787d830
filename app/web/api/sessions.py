"""Sessions of browsers, and what proves who a user is."""

from datetime import datetime

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import audit, resets, sessions, users
from app.deps import Deps
from app.errors import NotFound
from app.rights import Right
from app.web import admission
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Name
from app.web.auth import Actor


class SessionFilter(Paged):
    """Which sessions."""

    user: Name | None = Field(default=None, description="of this user; none: one's own, of everybody as an admin")


class SessionRow(Told):
    """A browser that is signed in."""

    id: int
    user: str
    way: str = Field(description="password, token, first (the first visit), or the forge")
    made_at: datetime
    used_at: datetime = Field(description="to the minute")
    ends_at: datetime = Field(description="however much it is used")
    address: str = Field(description="where it was used last")
    agent: str = Field(description="browser and system, as far as they say")


class Ended(Told):
    """How much ended."""

    ended: int


class ResetLink(Told):
    """A link that sets a password, shown this once."""

    link: str
    expires_in_s: int = Field(description="seconds")


@operation("GET", "/sessions", right=Right.ACCOUNT, query=SessionFilter, answer=Page[SessionRow])
async def list_sessions(deps: Deps, *, actor: Actor, query: SessionFilter) -> Page[SessionRow]:
    """List the browsers that are signed in: one's own, or all as an admin. 404 for an unknown user."""
    async with deps.begin() as db:
        whose = await _whose(db, actor, query.user)
        found = await sessions.list_(
            db, idle=admission.idle(deps.settings), user_id=whose, after=query.cursor, limit=query.limit + 1
        )
    return page([SessionRow(**each) for each in found], limit=query.limit)


@operation("DELETE", "/sessions/{session_id}", right=Right.ACCOUNT)
async def revoke_session(deps: Deps, *, actor: Actor, session_id: int) -> None:
    """End a session: one's own, or any as an admin. Its browser's next request is nobody's."""
    whose = None if actor.may(Right.ADMINISTER) else actor.user_id
    async with deps.begin() as db:
        if not await sessions.revoke(db, session_id, user_id=whose):
            raise NotFound(f"There is no session {session_id} of yours that goes on.")
        await audit.record(db, "session.revoked", actor=actor.name, detail=str(session_id))


@operation("DELETE", "/users/{name}/sessions", right=Right.ACCOUNT, answer=Ended)
async def revoke_sessions(deps: Deps, *, actor: Actor, name: str) -> Ended:
    """End all sessions of a user: one's own, or anybody's as an admin."""
    async with deps.begin() as db:
        whose = await _whose(db, actor, name)
        ended = await sessions.revoke_all(db, whose or 0)
        await audit.record(db, "session.revoked", actor=actor.name, detail=f"all {ended} of {name}")
    return Ended(ended=ended)


@operation("POST", "/users/{name}/reset", right=Right.ADMINISTER, answer=ResetLink)
async def make_reset_link(deps: Deps, *, actor: Actor, name: str) -> ResetLink:
    """Make a link with which the user sets a password, once and within 24 hours; an earlier one is worth nothing."""
    async with deps.begin() as db:
        user = await users.by_name(db, name)
        if user is None:
            raise NotFound(f"There is no user {name}.")
        code = await resets.add(db, user["id"])
        await audit.record(db, "user.reset_link", actor=actor.name, detail=name)
    # Behind the # it reaches no server, proxy or log: the page reads it there.
    link = f"{deps.settings.public_url}/password#{code}"
    return ResetLink(link=link, expires_in_s=int(resets.LIFETIME.total_seconds()))


async def _whose(db: AsyncConnection, actor: Actor, name: str | None) -> int | None:
    """Say whose sessions are meant; None: everybody's.

    Raises:
        Forbidden: somebody else's, and the actor is no admin.
        NotFound: nobody has this name.
    """
    if name is None or name == actor.name:
        own = actor.user_id
        return None if name is None and actor.may(Right.ADMINISTER) else own
    actor.insist(Right.ADMINISTER)
    user = await users.by_name(db, name)
    if user is None:
        raise NotFound(f"There is no user {name}.")
    return int(user["id"])
