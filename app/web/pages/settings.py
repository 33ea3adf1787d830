"""How one repository is set up: trust, caps, rules, schedules, secrets, subscriptions, mutes and annotations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import AnnotationKind, Channel, News
from app.db.queries import annotations, approvals, grants, mutes, repositories, secrets, subscriptions
from app.db.queries.annotations import AnnotationView
from app.db.queries.mutes import MuteView
from app.notify import telling
from app.policy import read
from app.rights import Right
from app.web import admission
from app.web.api import subscriptions as told
from app.web.api.caps import Caps
from app.web.api.grants import GrantTold
from app.web.api.subscriptions import SubscriptionTold
from app.web.auth import Actor
from app.web.pages.answer import answer, deps, found, page
from app.web.pages.repositories import FORGES
from app.web.pages.schedule_rows import Planned, planned
from builders.protocol import Level

SHOWN = 50  # rows of each kind
EVENTS = [each for each in News if each not in {*telling.OF_LAB, News.TEST}]  # that a repository can tell


@dataclass(frozen=True, kw_only=True)
class ApprovalRow:
    """A commit that somebody trusted."""

    commit: str
    approver: str
    via: str
    pull_request: int | None
    approved_at: datetime


@dataclass(frozen=True, kw_only=True)
class SecretRow:
    """That there is a webhook secret."""

    id: int
    kind: str
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class SettingsPage:
    """`/{forge}/{owner…}/{name}/settings`."""

    id: int
    forge: str
    full_name: str
    on_forge: bool  # else it is a plain remote, with neither webhooks nor rules of its own
    caps: dict[str, int | None]  # of its own
    usual_caps: dict[str, int]
    isolation: str | None  # of its own
    usual_isolation: str
    policy: str | None  # kept on the service
    approvals: list[ApprovalRow]
    secrets: list[SecretRow]
    subscriptions: list[SubscriptionTold]
    mutes: list[MuteView]
    annotations: list[AnnotationView]
    schedules: list[Planned]
    roles: list[GrantTold]  # of users here; for admins


async def repository_of(forge: str, full_name: str) -> sa.RowMapping:
    """Find the repository that an address names."""
    async with deps().begin() as db:
        row = await repositories.by_name(db, full_name, forge=forge)
    served: sa.RowMapping = found(row, f"repository {forge}/{full_name} here")
    return served


async def insist(right: Right, repository_id: int) -> Actor:
    """Let only somebody with this right in the repository read the page."""
    actor = await admission.visitor()
    if actor is None:
        return await admission.insist(right)
    actor.insist(right, repository_id)
    return actor


@page(f"/<{FORGES}:forge>/<path:full_name>/settings")
async def settings(forge: str, full_name: str) -> Response:
    """Show how a repository is set up, with forms that change it. Secrets are never shown."""
    row = await repository_of(forge, full_name)
    actor = await insist(Right.CONFIGURE, row["id"])
    rules = await planned(deps(), row["id"], limit=SHOWN)
    async with deps().begin() as db:
        view = await _view(db, row, rules, is_admin=actor.may(Right.ADMINISTER))
    names: dict[str, Any] = {
        "levels": list(Level),
        "kinds": list(AnnotationKind),
        "channels": list(Channel),
        "events": EVENTS,
    }
    return await answer("settings.html", view, visitor=actor, longest_policy=read.LONGEST, **names)


async def _view(db: AsyncConnection, row: sa.RowMapping, rules: list[Planned], *, is_admin: bool) -> SettingsPage:
    repository_id, of = row["id"], deps().settings
    heard: list[Any] = []
    if is_admin:
        heard = await subscriptions.list_(db, repository_id=repository_id, ended=True, limit=SHOWN)
    kept = await secrets.list_(db, repository_id=repository_id) if is_admin else []
    roles = await grants.list_(db, repository_id=repository_id, limit=SHOWN) if is_admin else []
    names = ApprovalRow.__dataclass_fields__
    return SettingsPage(
        id=repository_id,
        forge=row["forge"],
        full_name=row["full_name"],
        on_forge=row["forge_id"] is not None,
        caps={name: row[f"cap_{name}"] for name in Caps.model_fields},
        usual_caps={name: of.caps[f"cap_{name}"] for name in Caps.model_fields},
        isolation=row["fork_isolation"],
        usual_isolation=of.fork_isolation.value,
        policy=row["policy"],
        approvals=[
            ApprovalRow(**{name: each[name] for name in names}) for each in await approvals.list_(db, repository_id)
        ],
        secrets=[SecretRow(id=each.id, kind=each.kind, added_at=each.added_at) for each in kept],
        subscriptions=[told.shown(each) for each in heard],
        mutes=await mutes.list_(db, repository_id=repository_id, limit=SHOWN),
        annotations=await annotations.list_(db, repository_id, limit=SHOWN),
        schedules=rules,
        roles=[GrantTold.model_validate(each) for each in roles],
    )
