"""The rules of a repository: those that count now, and those kept on the service."""

from datetime import datetime

from pydantic import Field

from app.db.queries import audit, repositories, schedules
from app.deps import Deps
from app.errors import Invalid, NotFound, Unavailable
from app.handlers.policy import ON_THE_SERVICE, Base, occasion_for, rules_at
from app.policy import read
from app.policy.section import PolicyError
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.auth import Actor
from integrations.forge import Transient


class Rules(Given):
    """Rules in the form of `.rigline.toml`."""

    text: str = Field(max_length=read.LONGEST)


class RuleTold(Told):
    """One rule."""

    name: str
    events: list[str]
    kind: str
    schedule: str = Field(description="five fields of cron, or a word; empty: it waits for events")


class ScheduleTold(Told):
    """When a rule runs by the clock."""

    rule: str
    cron: str
    zone: str
    next_at: datetime
    last_at: datetime | None


class PolicyTold(Told):
    """What a repository runs when."""

    source: str | None = Field(
        description="repository: its `.rigline.toml`; service: kept here; built-in; null: they cannot be used"
    )
    commit: str | None = Field(description="of the default branch, whose rules these are")
    rules: list[RuleTold]
    error: str | None = Field(description="why the rules cannot be used, with file and line")
    text: str | None = Field(description="the rules kept on the service; they count while the repository has none")
    schedules: list[ScheduleTold]


@operation("GET", "/repositories/{repository_id}/policy", right=Right.READ, answer=PolicyTold)
async def show_policy(deps: Deps, *, actor: Actor, repository_id: int) -> PolicyTold:
    """Read the rules that count for the default branch now, as the forge shows them; 503 if it does not answer."""
    async with deps.begin() as db:
        row = await repositories.get(db, repository_id)
        planned = await schedules.of_repository(db, repository_id)
    occasion = await occasion_for(deps, repository_id)
    if row is None or row["removed_at"] is not None or occasion is None:
        raise NotFound(f"There is no repository {repository_id} on a forge.")
    told = {"text": row["policy"], "schedules": [ScheduleTold(**each) for each in planned]}
    try:
        found = await rules_at(Base(branch=row["default_branch"]), occasion, deps)
    except PolicyError as problem:
        return PolicyTold(source=None, commit=None, rules=[], error=str(problem), **told)
    except Transient as problem:
        raise Unavailable(f"{occasion.forge.name} does not answer: {problem}") from None
    listed = [
        RuleTold(name=each.name, events=list(each.events), kind=each.work.kind, schedule=each.schedule)
        for each in found.policy.rules
    ]
    return PolicyTold(source=found.source, commit=found.commit, rules=listed, error=None, **told)


@operation("PUT", "/repositories/{repository_id}/policy", right=Right.CONFIGURE, body=Rules, answer=PolicyTold)
async def set_policy(deps: Deps, *, actor: Actor, repository_id: int, body: Rules) -> PolicyTold:
    """Keep rules on the service for a repository. 422 if they cannot be used: it says the line and the nearest word."""
    try:
        read.policy(body.text, ON_THE_SERVICE)
    except PolicyError as problem:
        raise Invalid(str(problem)) from None
    await _keep(deps, repository_id, body.text, actor)
    return await show_policy(deps, actor=actor, repository_id=repository_id)


@operation("DELETE", "/repositories/{repository_id}/policy", right=Right.CONFIGURE)
async def delete_policy(deps: Deps, *, actor: Actor, repository_id: int) -> None:
    """Forget the rules kept on the service; without a `.rigline.toml` the built-in ones count then."""
    await _keep(deps, repository_id, None, actor)


async def _keep(deps: Deps, repository_id: int, text: str | None, actor: Actor) -> None:
    async with deps.begin() as db:
        row = await repositories.get(db, repository_id)
        if row is None or row["removed_at"] is not None:
            raise NotFound(f"There is no repository {repository_id}.")
        await repositories.set_policy(db, repository_id, text)
        what = "repository.policy_set" if text is not None else "repository.policy_cleared"
        await audit.record(db, what, actor=actor.name, detail=f"{row['forge']} {row['full_name']}")
