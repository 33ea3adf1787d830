"""A repository has another name, owner or default branch, or is gone. Its number stays, and so does its history."""

from app.db.queries import alerts, audit, pipelines, repositories
from app.deps import Deps
from app.dispatch import cancel
from app.handlers.occasion import Occasion
from integrations.events import RepositoryChanged, RepositoryFate

GONE = "repository_gone"


async def on_changed(event: RepositoryChanged, occasion: Occasion, deps: Deps) -> str:
    """Take over what is new; stop serving what was deleted. A new name was taken over before, as by any delivery."""
    if event.fate is RepositoryFate.DELETED:
        return await _deleted(occasion, deps)
    facts = {"default_branch": event.default_branch, "private": event.private}
    async with deps.begin() as db:
        await repositories.change(
            db, occasion.repository_id, **{name: value for name, value in facts.items() if value is not None}
        )
    return f"repository {event.fate}: {occasion.repository['full_name']}"


async def _deleted(occasion: Occasion, deps: Deps) -> str:
    name = occasion.repository["full_name"]
    async with deps.begin() as db:
        waiting = await pipelines.all_open_jobs(db, occasion.repository_id)
        await repositories.remove(db, occasion.repository_id)
        await audit.record(db, "repository.removed", actor=occasion.forge.name, detail=f"{name}: deleted there")
        text = f"{name} was deleted on {occasion.forge.name}; it is served no longer, and its history stays."
        await alerts.raise_(db, GONE, f"{occasion.forge.name} {name}", text, repository_id=occasion.repository_id)
    await cancel.cancel_jobs(deps, waiting, actor="service", reason="the repository was deleted")
    return f"repository deleted: {len(waiting)} jobs cancelled"
