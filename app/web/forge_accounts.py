"""What an account on a forge may: sign its user in, be linked to one, or make one where its rights say so."""

import re

import structlog
from sqlalchemy import RowMapping

from app.db import sight
from app.db.queries import audit, forge_roles, identities, users
from app.deps import Deps
from app.errors import Conflict, Forbidden, Unavailable
from app.handlers import forge_roles as asking
from app.rights import Role
from app.web import signing_in
from integrations.events import Actor as Account
from integrations.forge import ForgeError

RESERVED = ("local", "service")  # the audit means others by these

log = structlog.get_logger()


async def welcome(deps: Deps, forge: str, account: Account, *, links: int | None) -> None:
    """Sign in whose account it is, link it to the user who asked for that, or make a user where the settings say so.

    Raises:
        Forbidden: nobody has linked it, or it has no right in any served repository.
        Conflict: it is somebody else's, or the user has another one.
        Unavailable: the forge does not say which rights it has.
    """
    sight.narrow(None)  # all served repositories are asked about, also those that nobody sees who is not signed in
    async with deps.begin() as db:
        known = await identities.met(db, forge, forge_id=account.id, login=account.name)
        asker = None if links is None else await users.name_of(db, links)
    if asker is not None and links is not None:
        await signing_in.link(deps, links, asker, forge, account, actor=asker)
        return
    if known is None:
        user_id, name = await _newcomer(deps, forge, account)
    else:
        await _confirmed(deps, forge, account, known)
        user_id, name = known["user_id"], known["name"]
    await signing_in.begin(deps, user_id, name, forge)


async def _newcomer(deps: Deps, forge: str, account: Account) -> tuple[int, str]:
    """Make a user of an account that has rights in a served repository, if the settings let such in."""
    if deps.settings.sign_in != "repositories":
        log.info("sign_in_refused", forge=forge, account=account.id)
        raise Forbidden(
            f"Nobody here is {account.name} on {forge}. An admin links the account: "
            f"`rigline admin link USER --forge {forge} --login {account.name}`."
        )
    roles = await _rights(deps, forge, account)
    async with deps.begin() as db:
        for name in _names(forge, account):
            user_id = await users.add(db, name, password_hash=None, role=None)
            if user_id is not None:
                break
        else:
            raise Conflict(f"No name is free for {account.name}; an admin can make the user.")
        await identities.add(db, user_id, forge, forge_id=account.id, login=account.name, by_rights=True)
        await audit.record(db, "user.created", actor=name, detail=f"{name}, by rights on {forge}")
        if deps.settings.roles_from_forge:
            await forge_roles.replace(db, user_id, forge, roles)
        await forge_roles.asked_now(db, user_id, forge)
    return user_id, name


async def _confirmed(deps: Deps, forge: str, account: Account, known: RowMapping) -> None:
    """Ask for the rights anew: of whom they let in, they decide again; others come in though a forge is silent."""
    must = known["by_rights"] and deps.settings.sign_in == "repositories"
    if not must and not deps.settings.roles_from_forge:
        return
    try:
        roles = await asking.ask(deps, forge, account)
    except ForgeError as problem:
        if must:
            raise Unavailable(f"{forge} does not say which rights {account.name} has: {problem}.") from None
        log.warning("rights_unknown", forge=forge, account=account.id, problem=str(problem)[:200])
        return
    if deps.settings.roles_from_forge:
        await asking.keep(deps, known["user_id"], forge, roles)
    if must and not roles:
        raise _without_rights(forge, account)


async def _rights(deps: Deps, forge: str, account: Account) -> dict[int, Role]:
    try:
        roles = await asking.ask(deps, forge, account)
    except ForgeError as problem:
        raise Unavailable(f"{forge} does not say which rights {account.name} has: {problem}.") from None
    if not roles:
        raise _without_rights(forge, account)
    return roles


def _without_rights(forge: str, account: Account) -> Forbidden:
    return Forbidden(f"{account.name} has no rights on {forge} in any repository that is served here.")


def _names(forge: str, account: Account) -> list[str]:
    """List the names that a new user may get, the best first."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", account.name).lstrip("._-")[:60] or "user"
    wanted = (plain, f"{plain}-{forge}", f"{plain}-{forge}-{account.id}")
    return [name for name in wanted if name not in RESERVED]
