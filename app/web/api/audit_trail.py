"""The audit: who did what, when and from where."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from app.db.queries import audit_trail
from app.db.queries.audit_trail import Wanted
from app.deps import Deps
from app.rights import Right
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import FullName, Line, Word
from app.web.auth import Actor


class AuditFilter(Paged):
    """Which lines; every condition must hold."""

    actor: Line | None = Field(default=None, description="who did it")
    action: Word | None = Field(default=None, description="`token.created`, or `token` for all of tokens")
    origin: Word | None = Field(default=None, description="an address, `local socket` or `forge`")
    repository: FullName | None = Field(default=None, description="full name")
    since: AwareDatetime | None = Field(default=None, strict=False)
    until: AwareDatetime | None = Field(default=None, strict=False)
    by_itself: bool = Field(default=False, description="also what nobody asked for, as each move of a job")


class AuditTold(Told):
    """One thing that was done."""

    id: int
    at: datetime
    actor: str = Field(description="empty: nobody who is known, as where a sign-in was refused")
    action: str
    origin: str = Field(description="an address, `local socket`, `forge`; empty: the service did it by itself")
    means: str = Field(description="the token or session that said who it is")
    detail: str
    times: int = Field(description="in that minute, of what is counted: sign-ins that were refused; else 1")
    repository: str | None
    pipeline_id: int | None
    job_id: int | None


@operation("GET", "/audit", right=Right.ADMINISTER, query=AuditFilter, answer=Page[AuditTold])
async def read_audit(deps: Deps, *, actor: Actor, query: AuditFilter) -> Page[AuditTold]:
    """List who did what, when and from where, the newest first."""
    wanted = Wanted(**query.model_dump(exclude={"cursor", "limit"}))
    async with deps.begin() as db:
        found = await audit_trail.lines(db, wanted, before=query.cursor or None, limit=query.limit + 1)
    return page([AuditTold.model_validate(each) for each in found], limit=query.limit)
