"""The first visit of a service that brings its own database: make the first admin, with the code that serve printed."""

from dataclasses import dataclass

from quart import Response, current_app

from app import first_visit
from app.db.queries import audit, users
from app.errors import Conflict, Forbidden, NotFound
from app.rights import Role
from app.web import admission, passwords, refused, signing_in, tries
from app.web.api.operations import read_form
from app.web.api.users import FirstUser
from app.web.pages.answer import answer, button, deps, go_to, page

DONE = "has users"  # of app.extensions: this process has seen a user, and the last admin stays


@dataclass(frozen=True, kw_only=True)
class WelcomeView:
    """`/welcome`."""

    file: str  # that holds the code
    shortest: int  # characters of a password


async def is_first_visit() -> bool:
    """Tell whether nobody has used this service yet, which brought its own database."""
    if not deps().settings.embeds_postgres or current_app.extensions.get(DONE):
        return False
    async with deps().begin() as db:
        current_app.extensions[DONE] = await users.exist(db)
    return not current_app.extensions[DONE]


@page("/welcome")
async def welcome() -> Response:
    """Ask for the first admin.

    Raises:
        NotFound: there is a user, or the database is shared.
    """
    await _insist()
    view = WelcomeView(file=str(first_visit.file_of(deps().settings.data_dir)), shortest=passwords.SHORTEST)
    return await answer("welcome.html", view)


@button("/welcome", welcome)
async def begin() -> Response:
    """Make the first admin, and sign it in.

    Raises:
        Forbidden: the code is wrong.
        Conflict: somebody was faster.
        NotFound: there is a user already.
        TooManyTries: the code is being guessed.
    """
    await _insist()
    form = await admission.form_of_ours()
    await tries.count(deps())
    wanted: FirstUser = read_form(FirstUser, {name: form.get(name, "") for name in ("name", "password")})
    folder = deps().settings.data_dir
    if not first_visit.is_code(folder, form.get("code", "")):
        await refused.note(deps(), "code of the first visit")
        raise Forbidden("The code is wrong. `rigline serve` printed it when it started; the file has it too.")
    kept = await passwords.hashed(wanted.password.get_secret_value())
    async with deps().begin() as db:
        user_id = await users.add_first(db, wanted.name, password_hash=kept)
        if user_id is None:
            raise Conflict("Somebody else was faster: there is a first user. Sign in.")
        await audit.record(db, "user.created", actor=wanted.name, detail=f"{wanted.name}, {Role.ADMIN}, first visit")
    first_visit.forget(folder)
    await signing_in.begin(deps(), user_id, wanted.name, "first")
    return go_to("/")


async def _insist() -> None:
    if not await is_first_visit():
        raise NotFound("This page is for the first visit alone. Sign in.")
