"""The audit for admins: who did what, when and from where. Whoever takes a copy along is in it too."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime

from quart import Response, request

from app.db.queries import audit, audit_trail
from app.db.queries.audit_trail import AuditLine, Wanted
from app.rights import Right
from app.web import admission
from app.web.pages.answer import PAGE, answer, deps, number, page
from app.web.pages.asked import Asked
from app.web.pages.exports import Sheet

EXPORTED = 10_000  # lines of one sheet; an older part is named by `until`
NAMES = ("actor", "action", "origin", "repository", "since", "until", "all")


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """`/admin/audit`."""

    filters: dict[str, str]
    items: list[AuditLine]
    next: int | None  # `before` of the next page
    first: bool


@page("/admin/audit", csv=True)
async def audit_page() -> Response:
    """List what was done, the newest first; the same with `.csv` up to its ten-thousandth line."""
    actor = await admission.insist(Right.ADMINISTER)
    asked, before = Asked.of_request(NAMES), number("before")
    is_export = request.path.endswith(".csv")
    most = EXPORTED if is_export else PAGE
    async with deps().begin() as db:
        rows = await audit_trail.lines(db, _wanted(asked), before=before, limit=most + 1)
        if is_export:
            told = f"{min(len(rows), most)} lines {asked.link()}".rstrip("? ")
            await audit.record(db, "audit.exported", actor=actor.name, detail=told)
    view = AuditPage(
        filters={name: value for name in NAMES if (value := asked.one(name)) is not None},
        items=rows[:most],
        next=rows[most - 1].id if len(rows) > most else None,
        first=before is None,
    )
    return await answer("admin_audit.html", view, sheet=sheet(view), asked=asked)


def sheet(view: AuditPage) -> Sheet:
    """Give the lines as a sheet."""
    names = tuple(each.name for each in fields(AuditLine))
    return Sheet(fields=names, lines=[tuple(getattr(each, name) for name in names) for each in view.items])


def _wanted(asked: Asked) -> Wanted:
    named = {name: asked.one(name) for name in ("actor", "action", "origin", "repository")}
    return Wanted(
        **named, since=_day(asked.one("since")), until=_day(asked.one("until")), by_itself=asked.one("all") == "yes"
    )


def _day(written: str | None) -> datetime | None:
    """Read a day or a moment, in UTC unless it says otherwise; nonsense counts as not given."""
    try:
        found = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
