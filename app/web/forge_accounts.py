"""What an account on a forge may: it signs its user in, is linked to one, or makes one where its rights say so."""

import structlog

from app.db.queries import identities, users
from app.deps import Deps
from app.errors import Forbidden
from app.web import signing_in
from integrations.events import Actor as Account

log = structlog.get_logger()


async def welcome(deps: Deps, forge: str, account: Account, *, links: int | None) -> None:
    """Sign in whose account it is, or link it to the user who asked for that.

    Raises:
        Forbidden: nobody has linked it.
        Conflict: it is somebody else's, or the user has another one.
    """
    async with deps.begin() as db:
        known = await identities.met(db, forge, forge_id=account.id, login=account.name)
        asking = None if links is None else await users.name_of(db, links)
    if asking is not None and links is not None:
        await signing_in.link(deps, links, asking, forge, account, actor=asking)
        return
    if known is None:
        log.info("sign_in_refused", forge=forge, account=account.id)
        raise Forbidden(
            f"Nobody here is {account.name} on {forge}. An admin links the account: "
            f"`rigline admin link USER --forge {forge} --login {account.name}`."
        )
    await signing_in.begin(deps, known["user_id"], known["name"], forge)
