"""What a status says of a comparison once the jobs have passed, and whether it fails."""

from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import compared
from app.history import verdicts
from app.history.verdicts import Verdicts
from app.reporting import verdict_markdown, verdict_words
from app.results import verdicts as results
from integrations.forge import StatusState

REGRESSION = "regression"  # a rule's `fail`
AWAITED = "Passed; what was measured is being compared"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """State, text and page of a status that speaks of a comparison."""

    state: StatusState
    description: str
    page: str | None = None  # path of the compare page; None: there is nothing to see yet
    summary: str = ""  # Markdown, for a check


async def judged(db: AsyncConnection, pipeline_id: int, target: tuple[str, str] | None, url: str) -> Judged | None:
    """Say what came of comparing a pipeline whose jobs passed, or one target of it; None if nothing was compared.

    A regression fails only where the rule asks for it and the whole rule of failing holds: measured by turns, certain
    among all rows, and accepted by nobody. Until that is known such a status does not say success: it might be merged.

    Args:
        url: of the service, without a slash at its end.
    """
    asked = await compared.asked(db, pipeline_id)
    if asked is None:
        return None
    can_fail = asked["fails_on"] == REGRESSION
    if can_fail and asked["is_awaited"]:
        return Judged(state=StatusState.RUNNING, description=AWAITED)
    view = await results.of_pipeline(db, pipeline_id)
    if view is not None and target is not None:
        view = verdicts.only(view, *target)
    if view is None or view.verdict is None:
        return None
    page = address(asked["forge"], asked["full_name"], view)
    return Judged(
        state=StatusState.FAILURE if can_fail and view.fails else StatusState.SUCCESS,
        description=verdict_words.description(view),
        page=page,
        summary=verdict_markdown.whole(view, f"{url}{page}"),
    )


def address(forge: str, full_name: str, view: Verdicts) -> str:
    """Give the path of the page that compares the two commits, by their whole hashes: it stays."""
    return f"/{quote(forge)}/{quote(full_name)}/compare/{quote(view.base)}...{quote(view.head)}"
