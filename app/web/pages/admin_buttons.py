"""The buttons of the pages of users, tokens and sessions, for admins. Each does what the operation of its name does."""

from quart import Response, render_template

from app.rights import Right
from app.web import admission, signing_in
from app.web.api import sessions as sessions_api
from app.web.api import tokens as tokens_api
from app.web.api import users as users_api
from app.web.api.operations import read_form
from app.web.api.users import NewRole, NewUser, read_role
from app.web.pages import admin
from app.web.pages.account import show_token, token_wish
from app.web.pages.answer import ID, button, deps, go_to

USER = "/admin/users/<name>"
WITHOUT = "none"  # as a role


@button("/admin/users", admin.all_users)
async def create() -> Response:
    """Make a user, and show the link with which it sets a password, this once."""
    actor, form = await admission.pressed(Right.ADMINISTER)
    role = form.get("role", WITHOUT)
    wanted: NewUser = read_form(NewUser, {"name": form.get("name", "")})
    wanted = wanted.model_copy(update={"role": read_role(role)})
    await users_api.add_user(deps(), actor=actor, body=wanted)
    made = await sessions_api.make_reset_link(deps(), actor=actor, name=wanted.name)
    return await _show_link(made.link, wanted.name, new=True)


@button(f"{USER}/role", admin.user)
async def set_role(name: str) -> Response:
    """Give a user another role."""
    actor, form = await admission.pressed(Right.ADMINISTER)
    body = NewRole(role=read_role(form.get("role", "")))
    await users_api.set_role(deps(), actor=actor, name=name, body=body)
    return go_to(admin.at(name), "role given")


@button(f"{USER}/reset", admin.user)
async def reset(name: str) -> Response:
    """Make a link with which the user sets a password, and show it this once."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    made = await sessions_api.make_reset_link(deps(), actor=actor, name=name)
    return await _show_link(made.link, name, new=False)


@button(f"{USER}/tokens", admin.user)
async def add_token(name: str) -> Response:
    """Make a token for a user, and show it this once."""
    actor, form = await admission.pressed(Right.ADMINISTER)
    made = await tokens_api.add_token(deps(), actor=actor, body=token_wish(form, name))
    return await show_token(made.token, name, admin.at(name))


@button(f"{USER}/sessions/end", admin.user)
async def end_sessions(name: str) -> Response:
    """End all sessions of a user."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    await sessions_api.revoke_sessions(deps(), actor=actor, name=name)
    return go_to(admin.at(name), "sessions ended")


@button(f"{USER}/delete", admin.user)
async def delete(name: str) -> Response:
    """Remove a user with its tokens and sessions."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    await users_api.remove_user(deps(), actor=actor, name=name)
    return go_to("/admin", "user removed")


@button(f"{USER}/linked", admin.user)
async def link(name: str) -> Response:
    """Let a user sign in with an account on a forge, named by its login."""
    actor, form = await admission.pressed(Right.ADMINISTER)
    await signing_in.link_by_login(deps(), name, form.get("forge", ""), form.get("login", ""), actor=actor.name)
    return go_to(admin.at(name), "linked")


@button(f"{USER}/linked/<forge>/unlink", admin.user)
async def unlink(name: str, forge: str) -> Response:
    """Let a user sign in with that account no more."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    await signing_in.unlink(deps(), await signing_in.user_named(deps(), name), name, forge, actor=actor.name)
    return go_to(admin.at(name), "unlinked")


@button(f"/admin/tokens/<{ID}:token_id>/revoke", admin.all_tokens)
async def revoke_token(token_id: int) -> Response:
    """Make any token worthless."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    await tokens_api.revoke_token(deps(), actor=actor, token_id=token_id)
    return go_to("/admin/tokens", "token revoked")


@button(f"/admin/sessions/<{ID}:session_id>/end", admin.all_sessions)
async def end_session(session_id: int) -> Response:
    """End any session."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    await sessions_api.revoke_session(deps(), actor=actor, session_id=session_id)
    return go_to("/admin/sessions", "session ended")


async def _show_link(link: str, name: str, *, new: bool) -> Response:
    """Show a link in the answer to the press itself: no address, cookie or cache keeps it."""
    body = await render_template("reset_link.html", link=link, user=name, new=new, back=admin.at(name))
    headers = {"Cache-Control": "no-store"}
    return Response(body, status=201, content_type="text/html; charset=utf-8", headers=headers)
