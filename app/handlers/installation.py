"""Our App was installed, suspended or removed, or covers other repositories.

Being installed serves nothing: anybody may install a public App, and a board runs only what somebody here added.
"""

from typing import Any

import sqlalchemy as sa

from app.db.queries import alerts, installations
from app.deps import Deps
from app.handlers.occasion import Occasion
from integrations.events import InstallationChanged, InstallationFate

ALERT = "installation_gone"
_TIMES: dict[InstallationFate, dict[str, Any]] = {
    InstallationFate.CREATED: {"suspended_at": None, "deleted_at": None},
    InstallationFate.DELETED: {"deleted_at": sa.func.now()},
    InstallationFate.SUSPENDED: {"suspended_at": sa.func.now()},
    InstallationFate.UNSUSPENDED: {"suspended_at": None, "deleted_at": None},
    InstallationFate.REPOSITORIES: {},
}


async def on_changed(event: InstallationChanged, occasion: Occasion, deps: Deps) -> str:
    """Keep who covers what, forget tokens that are good no longer, and say it where somebody lost us."""
    forge = occasion.forge
    forge.forget_installation(event.installation)
    async with deps.begin() as db:
        times = _TIMES[event.fate]
        await installations.note(db, forge.name, event.installation, event.account, **times)
        served = await installations.cover(db, forge.name, event.installation, event.added)
        await installations.uncover(db, forge.name, event.installation, event.removed)
        if event.fate is InstallationFate.DELETED:
            served = await installations.uncover(db, forge.name, event.installation)
        await _tell(db, event, f"{forge.name} installation {event.installation}")
    return f"installation {event.installation} of {event.account}: {event.fate}, {served} served repositories"


async def _tell(db: Any, event: InstallationChanged, subject: str) -> None:
    if event.fate in (InstallationFate.DELETED, InstallationFate.SUSPENDED):
        text = f"{event.account} {event.fate} our App: nothing can be read or reported there."
        await alerts.raise_(db, ALERT, subject, text)
    elif event.fate in (InstallationFate.CREATED, InstallationFate.UNSUSPENDED):
        await alerts.resolve(db, ALERT, subject)
