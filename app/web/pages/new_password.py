"""Set a password by the link that an admin made."""

from dataclasses import dataclass

from quart import Response

from app.db.queries import audit, resets, sessions, users
from app.errors import Forbidden
from app.web import admission, passwords, refused, tries
from app.web.api.operations import read_form
from app.web.api.users import NewPassword
from app.web.pages.answer import answer, button, deps, go_to, page


@dataclass(frozen=True, kw_only=True)
class NewPasswordView:
    """`/password`. The code stands behind the # of the link, which only the browser sees."""

    shortest: int  # characters


@page("/password")
async def new_password() -> Response:
    """Ask for the new password."""
    return await answer("new_password.html", NewPasswordView(shortest=passwords.SHORTEST))


@button("/password", new_password)
async def set_by_link() -> Response:
    """Set the password; the link is worth nothing afterwards, and all sessions of the user end.

    Raises:
        Forbidden: the code is none, was used, or is too old.
        TooManyTries: it is being guessed.
    """
    form = await admission.form_of_ours()
    await tries.count(deps())
    wanted: NewPassword = read_form(NewPassword, {"password": form.get("password", "")})
    kept = await passwords.hashed(wanted.password.get_secret_value())
    async with deps().begin() as db:
        user = await resets.use(db, form.get("code", "").strip().rpartition("#")[2])
        if user is not None:
            await users.set_password(db, user["name"], kept)
            await sessions.revoke_all(db, user["user_id"])
            await audit.record(db, "user.password", actor=user["name"], detail="by a link")
    if user is None:
        await refused.note(deps(), "link")
        raise Forbidden("This link was used, is older than a day, or was replaced. An admin can make a new one.")
    return go_to("/login", "password set")
