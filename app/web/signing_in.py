"""Sign a browser in, lead it back to where it was, and say which accounts on forges do the same."""

from app.db.queries import audit, identities, sessions, users
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from app.web import admission, auth, passwords, refused, tries
from app.web.auth import Actor
from integrations.events import Actor as Account
from integrations.forge import ForgeError

WRONG = "The name or the password is wrong."


async def by_password(deps: Deps, name: str, password: str) -> None:
    """Sign in who knows the password of a user.

    Raises:
        Unauthorized: it is wrong, or there is no such user: same words, same time.
        TooManyTries: of this name or from this address.
    """
    await tries.count(deps, name)
    async with deps.begin() as db:
        user = await users.by_name(db, name)
    kept = user["password_hash"] if user else None
    if not await passwords.matches(kept, password[: passwords.LONGEST]) or user is None:
        await refused.note(deps, "password", name)
        raise Unauthorized(WRONG)
    await begin(deps, user["id"], user["name"], "password")


async def by_token(deps: Deps, text: str) -> None:
    """Sign in with a token, which the session may no more than, and ends with.

    Raises:
        Unauthorized: it is none that is valid.
        TooManyTries: from this address.
    """
    await tries.count(deps)
    try:
        actor = await auth.with_token(text)
    except Unauthorized:
        await refused.note(deps, "token")
        raise
    if actor.user_id is None:
        raise Unauthorized("These are not a user's credentials.")
    await begin(deps, actor.user_id, actor.name, "token", token_id=token_id_of(text))


async def begin(deps: Deps, user_id: int, name: str, way: str, *, token_id: int | None = None) -> None:
    """Begin the session of somebody who is known now, and write it down."""
    await admission.begin(user_id, way, token_id=token_id)
    async with deps.begin() as db:
        await audit.record(db, "user.signed_in", actor=name, detail=f"by {way} from {admission.address()}")


async def note_end(deps: Deps, actor: Actor) -> None:
    """Write down that somebody signs this browser out."""
    async with deps.begin() as db:
        await audit.record(db, "user.signed_out", actor=actor.name, detail=f"from {admission.address()}")


def token_id_of(text: str) -> int:
    """Read the number of a token that is valid."""
    return int(text.strip().partition("_")[2].partition(".")[0])


def own_path(path: str) -> str:
    """Give a path of this service as it is, and the start page for anything else: nobody is led to another site."""
    # A second slash or a backslash would name another host; a control character might end the header.
    local = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isascii() and path.isprintable()
    return path if local else "/"


async def link(deps: Deps, user_id: int, name: str, forge: str, account: Account, *, actor: str) -> None:
    """Let a user sign in with an account on a forge, known by its numeric id.

    Raises:
        Conflict: it is somebody's, or the user has one on this forge.
    """
    async with deps.begin() as db:
        if await identities.add(db, user_id, forge, forge_id=account.id, login=account.name) is None:
            raise Conflict(f"{account.name} is somebody's already, or {name} has another one on {forge}; unlink it.")
        await audit.record(db, "user.linked", actor=actor, detail=f"{name}: {forge} {account.name} ({account.id})")


async def link_by_login(deps: Deps, name: str, forge: str, login: str, *, actor: str) -> None:
    """Link the account that has this login now.

    Raises:
        NotFound: there is no such user, or no such account on the forge.
        Invalid: there is no such forge.
        Conflict: see `link`.
        Unavailable: the forge does not answer.
    """
    user_id = await user_named(deps, name)
    if forge not in deps.forges:
        raise Invalid(f"forge: expected one of {', '.join(deps.forges)}")
    try:
        account = await deps.forges[forge].account(login.strip())
    except ForgeError as problem:
        raise Unavailable(f"{forge} cannot be asked who {login} is: {problem}.") from None
    if account is None:
        raise NotFound(f"There is no account {login} on {forge}.")
    await link(deps, user_id, name, forge, account, actor=actor)


async def unlink(deps: Deps, user_id: int, name: str, forge: str, *, actor: str) -> None:
    """Let a user sign in with the account on a forge no more; sessions that began with it end.

    Raises:
        NotFound: none is linked.
    """
    async with deps.begin() as db:
        gone = await identities.remove(db, user_id, forge)
        if gone is None:
            raise NotFound(f"{name} has no account on {forge} to sign in with.")
        await sessions.revoke_all(db, user_id, way=forge)
        await audit.record(db, "user.unlinked", actor=actor, detail=f"{name}: {forge} {gone['login']}")


async def user_named(deps: Deps, name: str) -> int:
    """Find a user.

    Raises:
        NotFound: there is none of this name.
    """
    async with deps.begin() as db:
        user = await users.by_name(db, name)
    if user is None:
        raise NotFound(f"There is no user {name}.")
    return int(user["id"])
