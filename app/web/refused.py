"""Write down that a sign-in was refused: by what, as whom and from where, and never what was given as the secret."""

import re

from app.db.queries import refused
from app.deps import Deps
from app.web.api.words import NAME

LONGEST_NAME = 100  # characters
NO_NAME = "something that is no name"  # as a password in the wrong field, which nobody should read later


async def note(deps: Deps, way: str, name: str | None = None) -> None:
    """Count a refused sign-in in the audit.

    Args:
        way: by what, as `password`.
        name: of whom, as it was typed; None where nothing says so.
    """
    async with deps.begin() as db:
        await refused.count(db, f"by {way}" if name is None else f"by {way} as {_clean(name)}")


def _clean(name: str) -> str:
    return name if len(name) <= LONGEST_NAME and re.fullmatch(NAME, name) else NO_NAME
