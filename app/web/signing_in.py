"""Sign a browser in by a password or a token, and lead it back to where it was."""

from app.db.queries import audit, users
from app.deps import Deps
from app.errors import Unauthorized
from app.web import admission, auth, passwords, tries

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
        raise Unauthorized(WRONG)
    await begin(deps, user["id"], user["name"], "password")


async def by_token(deps: Deps, text: str) -> None:
    """Sign in with a token, which the session may no more than, and ends with.

    Raises:
        Unauthorized: it is none that is valid.
        TooManyTries: from this address.
    """
    await tries.count(deps)
    actor = await auth.with_token(text)
    if actor.user_id is None:
        raise Unauthorized("These are not a user's credentials.")
    await begin(deps, actor.user_id, actor.name, "token", token_id=token_id_of(text))


async def begin(deps: Deps, user_id: int, name: str, way: str, *, token_id: int | None = None) -> None:
    """Begin the session of somebody who is known now, and write it down."""
    await admission.begin(user_id, way, token_id=token_id)
    async with deps.begin() as db:
        await audit.record(db, "user.signed_in", actor=name, detail=f"by {way} from {admission.address()}")


def token_id_of(text: str) -> int:
    """Read the number of a token that is valid."""
    return int(text.strip().partition("_")[2].partition(".")[0])


def own_path(path: str) -> str:
    """Give a path of this service as it is, and the start page for anything else: nobody is led to another site."""
    # A second slash or a backslash would name another host; a control character might end the header.
    local = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isascii() and path.isprintable()
    return path if local else "/"
