"""What a forge's rights make of a user: a role in each served repository, asked anew while the user is at work."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy import RowMapping

from app.db.queries import audit, forge_roles, sessions, users
from app.deps import Deps
from app.handlers.occasion import facts_of
from app.rights import Role
from integrations.events import Actor as Account
from integrations.forge import ForgeError, Permission

ROLES = {
    Permission.ADMIN: Role.MAINTAINER,
    Permission.MAINTAIN: Role.MAINTAINER,
    Permission.WRITE: Role.COMMITTER,
    Permission.TRIAGE: Role.OBSERVER,  # a reviewer approves what runs, and who may only sort does not
    Permission.READ: Role.OBSERVER,
}
AT_ONCE = 8  # questions to a forge
EVERY = timedelta(minutes=5)  # at most so often, for one account
ACCOUNTS = 20  # of one round
ROUND_S = 30.0  # between two looks at who is due

log = structlog.get_logger()


async def ask(deps: Deps, forge: str, account: Account) -> dict[int, Role]:
    """Ask a forge what an account may do: repository id → role, for those where it may more than everybody.

    Raises:
        Transient, Permanent: one of the answers is missing, so that none counts.
    """
    async with deps.begin() as db:
        served = await forge_roles.served(db, forge)
    turns = asyncio.Semaphore(AT_ONCE)

    async def of(row: RowMapping) -> tuple[int, Permission]:
        async with turns:
            right = await deps.forges[forge].permission(facts_of(row), account)
        is_own = right > Permission.READ or row["private"]  # everybody reads what is public
        return row["id"], right if is_own else Permission.NONE

    found = await asyncio.gather(*(of(row) for row in served))
    return {number: ROLES[right] for number, right in found if right in ROLES}


async def keep(deps: Deps, user_id: int, forge: str, roles: Mapping[int, Role]) -> None:
    """Keep what a forge said now; what an admin granted stays as it is."""
    async with deps.begin() as db:
        await forge_roles.replace(db, user_id, forge, roles)
        await forge_roles.asked_now(db, user_id, forge)


async def refresh_due(deps: Deps) -> None:
    """Ask the forges anew about those who are at work; what is not confirmed for a day ends."""
    is_wanted = deps.settings.roles_from_forge or deps.settings.sign_in == "repositories"
    async with deps.begin() as db:
        await forge_roles.forget_old(db, all_=not deps.settings.roles_from_forge)
        due = await forge_roles.due(db, every=EVERY, limit=ACCOUNTS) if is_wanted else []
    for each in due:
        if each["forge"] not in deps.forges:
            continue
        try:
            roles = await ask(deps, each["forge"], Account(id=each["forge_id"], name=each["login"]))
        except ForgeError as problem:
            log.warning("rights_unknown", forge=each["forge"], account=each["forge_id"], problem=str(problem)[:200])
            continue
        await _apply(deps, each, roles)


async def _apply(deps: Deps, identity: RowMapping, roles: Mapping[int, Role]) -> None:
    user_id, forge = identity["user_id"], identity["forge"]
    if deps.settings.roles_from_forge:
        await keep(deps, user_id, forge, roles)
    if identity["by_rights"] and not roles and deps.settings.sign_in == "repositories":
        async with deps.begin() as db:
            ended = await sessions.revoke_all(db, user_id, way=forge)
            if ended:
                told = f"all {ended} of {await users.name_of(db, user_id)}: no rights on {forge} are left"
                await audit.record(db, "session.revoked", detail=told)
