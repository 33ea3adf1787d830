"""The button of the page of two commits that takes its regressions knowingly, as `/rig accept` does."""

import re

from pydantic import Field
from quart import Response

from app.db.queries import repositories
from app.db.queries.acceptances import Said
from app.errors import Conflict, Invalid
from app.handlers import acceptance
from app.results import verdicts
from app.rights import Right
from app.web import admission, auth
from app.web.api.operations import Given, read_form
from app.web.api.words import Line
from app.web.pages import comparing
from app.web.pages.answer import button, deps, found, go_to
from app.web.pages.repositories import FORGES

_RANGE = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\.\.\.([0-9a-f]{40}|[0-9a-f]{64})")


class Acceptance(Given):
    """What is accepted, and why; other people read it."""

    reason: Line = Field(min_length=1)
    benchmark: Line = ""  # all, if none is named


@button(f"/<{FORGES}:forge>/<path:full_name>/compare/<path:pair>/accept", comparing.compare)
async def accept_from_page(forge: str, full_name: str, pair: str) -> Response:
    """Accept the regressions of exactly the two commits that the page showed, for an admin.

    Raises:
        Invalid: the address has no two full hashes, or no reason is given.
        Conflict: nothing is there to be accepted, or somebody did it before.
    """
    actor, form = await admission.pressed()
    wanted: Acceptance = read_form(Acceptance, form)
    named = _RANGE.fullmatch(pair)
    if named is None:
        raise Invalid("What is accepted is named by two full hashes, BASE...HEAD.")
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        auth.act_in(actor, Right.APPROVE, row["id"])
        view = await verdicts.of_commits(db, row["id"], named[1], named[2])
        waiting = acceptance.open_([view], wanted.benchmark or None)
        if not waiting:
            raise Conflict("No regression of these two commits is waiting to be accepted.")
        said = Said(by=actor.name, via="page", reason=wanted.reason)
        told = await acceptance.accept(db, row["id"], waiting, said)
    await acceptance.publish(deps(), told)
    return go_to(f"/{forge}/{row['full_name']}/compare/{pair}", "accepted")
