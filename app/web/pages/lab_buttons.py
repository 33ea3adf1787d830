"""The buttons of the pages of builders and boards, for admins. Each does what the operation of its name does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from quart import Response, render_template

from app.db.models import BuilderState, Health
from app.deps import Deps
from app.errors import Conflict, NotFound
from app.handlers import boards, builders
from app.rights import Right
from app.web import admission, any_name
from app.web.api.boards import Hold, Maintenance, Reason
from app.web.api.builders import NewBuilder
from app.web.api.operations import read_form
from app.web.pages import lab
from app.web.pages.answer import button, deps, go_to

Act = Callable[..., Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """Who pressed a button of a board, and what else stood in its form."""

    board_id: int
    actor: str
    form: dict[str, str]


@button("/builders", lab.builders)
async def create() -> Response:
    """Make a builder, and show its token this once."""
    actor, form = await admission.pressed(Right.LAB)
    wanted: NewBuilder = read_form(NewBuilder, form)
    return await _show_token(await builders.create(deps(), wanted.name, actor=actor.name), new=True)


@button("/builders/<name>/rotate-token", lab.builder)
async def rotate(name: str) -> Response:
    """Make a new token and show it this once; only for the page that shows the age of the present one.

    Raises:
        Conflict: the page is old: there is another token since, as after a reload of the answer.
    """
    actor, form = await admission.pressed(Right.LAB)
    async with deps().begin() as db:
        found = await builders.find(db, name)
    if form.get("token_at") != found["token_at"].isoformat():
        raise Conflict(f"{name} was given another token since this page was loaded. Look at it, and press again.")
    return await _show_token(await builders.rotate_token(deps(), name, actor=actor.name), new=False)


@button("/builders/<name>/delete", lab.builder)
async def delete(name: str) -> Response:
    """Delete or retire a builder."""
    actor, _ = await admission.pressed(Right.LAB)
    await builders.delete(deps(), name, actor=actor.name)
    return go_to("/builders", "deleted")


@button("/builders/<name>/<action>", lab.builder)
async def change(name: str, action: str) -> Response:
    """Pause, resume, drain or test a builder, or revoke its token.

    Raises:
        NotFound: there is no such button.
    """
    actor, _ = await admission.pressed(Right.LAB)
    act, done = _of(BUILDER, action)
    await act(deps(), name, actor=actor.name)
    return go_to(f"/builders/{quote(name, safe='')}", done)


@button(f"/builders/<name>/boards/<{any_name.BOARD}:board>/<action>", lab.builder)
async def change_board(name: str, board: str, action: str) -> Response:
    """Check, hold or release a board, or say how well it is.

    Raises:
        NotFound: there is no such button.
    """
    actor, form = await admission.pressed(Right.LAB)
    act, done = _of(BOARD, action)
    await act(Pressed(board_id=await boards.find(deps(), board, name), actor=actor.name, form=form))
    return go_to(f"/builders/{quote(name, safe='')}", "to be held" if "on_failure" in form else done)


def _of(table: Mapping[str, tuple[Act, str]], action: str) -> tuple[Act, str]:
    if action not in table:
        raise NotFound(f"There is no button {action}.")
    return table[action]


async def _set_state(state: BuilderState, of: Deps, name: str, *, actor: str) -> None:
    await builders.set_state(of, name, state, actor=actor)


BUILDER: Mapping[str, tuple[Act, str]] = {  # what it does, and the word of `DONE` for it
    "pause": (partial(_set_state, BuilderState.PAUSED), "paused"),
    "resume": (partial(_set_state, BuilderState.ACTIVE), "resumed"),
    "drain": (partial(_set_state, BuilderState.DRAINING), "draining"),
    "test": (builders.check, "checking"),
    "revoke-token": (builders.revoke_token, "revoked"),
}


async def _check(by: Pressed) -> None:
    await boards.check(deps(), by.board_id, actor=by.actor)


async def _say(kind: type[Reason] | type[Maintenance], health: Health, by: Pressed) -> None:
    reason = read_form(kind, by.form).reason
    await boards.set_health(deps(), by.board_id, health, reason=reason, actor=by.actor)


async def _hold(by: Pressed) -> None:
    how: Hold = read_form(Hold, by.form)
    how_long = how.minutes * 60
    await boards.hold(deps(), by.board_id, how_long, on_failure=how.on_failure, reason=how.reason, actor=by.actor)


async def _release(by: Pressed) -> None:
    await boards.release(deps(), by.board_id, actor=by.actor)


BOARD: Mapping[str, tuple[Act, str]] = {
    "check": (_check, "checking"),
    "good": (partial(_say, Reason, Health.GOOD), "good"),
    "maintenance": (partial(_say, Maintenance, Health.MAINTENANCE), "maintenance"),
    "hold": (_hold, "held"),
    "release": (_release, "released"),
}


async def _show_token(made: builders.Made, *, new: bool) -> Response:
    """Show a token in the answer to the press itself: no address, cookie or cache keeps it."""
    page = await render_template("builder_token.html", made=made, new=new, server=deps().settings.public_url)
    return Response(page, status=201, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})
