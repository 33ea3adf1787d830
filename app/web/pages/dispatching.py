"""Ask for a pipeline of one commit by a form, as `rigline dispatch` does."""

import contextlib
from dataclasses import dataclass
from typing import Any

from quart import Response, g

from app.db.queries import lab, repositories
from app.handlers import presets
from app.rights import Right
from app.web import admission
from app.web.api import dispatching as api
from app.web.api.dispatching import MOST_REPEATS, Dispatch
from app.web.api.operations import read_value
from app.web.api.pipelines import PipelineTold
from app.web.api.presets import dispatch_preset
from app.web.auth import Actor
from app.web.pages import preset_form
from app.web.pages.answer import answer, button, deps, go_to, page, text
from app.web.pages.preset_form import Chosen, Offered
from builders.protocol import MAX_JOB_S

LISTS = ("boards", "configurations", "tags")
OFFERED = 200  # repositories, and names of boards, that a field proposes


@dataclass(frozen=True, kw_only=True)
class DispatchPage:
    """`/dispatch`."""

    repositories: list[str]
    boards: list[str]  # types, then names
    configurations: list[str]
    presets: list[Offered]
    preset: Chosen | None  # that the form is for


@page("/dispatch")
async def dispatch() -> Response:
    """Show the form, or that of a preset; what the query string says of its fields stands in it."""
    actor = await admission.insist(Right.DISPATCH, anywhere=True)
    async with deps().begin() as db:
        rows = await repositories.list_(db, limit=OFFERED)
        boards = await lab.boards(db, limit=OFFERED)
        saved, preset = await preset_form.offered(db, actor), await preset_form.chosen(db, actor)
    served = [row["full_name"] for row in rows if actor.may(Right.DISPATCH, row["id"])]
    names = list(dict.fromkeys([row["type"] for row in boards] + [row["name"] for row in boards]))
    offered = sorted({each for row in boards for each in row["configurations"]})
    view = DispatchPage(
        repositories=served, boards=names[:OFFERED], configurations=offered[:OFFERED], presets=saved, preset=preset
    )
    given = {name: text(name) or "" for name in ("repository", "remote_url", "commit", "kind")}
    limits: dict[str, Any] = {"most_repeats": MOST_REPEATS, "longest_s": int(MAX_JOB_S)}
    return await answer("dispatch.html", view, visitor=actor, given=given, **limits)


@button("/dispatch", dispatch)
async def ask(**_: Any) -> Response:
    """Open the pipeline that the form or a preset describes, and lead to it."""
    actor, form = await admission.pressed(Right.DISPATCH, anywhere=True)
    g.refused_form = form
    name = text("preset")
    made = await (_by_preset(actor, name, form) if name else api.dispatch(deps(), actor=actor, body=_body(form)))
    return go_to(f"/pipelines/{made.id}")


async def _by_preset(actor: Actor, name: str, form: dict[str, str]) -> PipelineTold:
    async with deps().begin() as db:
        body = preset_form.wish(await presets.find(db, name), form)
    return await dispatch_preset(deps(), actor=actor, name=name, body=body)


def _body(form: dict[str, str]) -> Dispatch:
    """Read the form as the API's body: names are separated by commas, an empty field was not filled in."""
    given: dict[str, Any] = {name: value.strip() for name, value in form.items() if value.strip()}
    for name in LISTS:
        given[name] = [each.strip() for each in form.get(name, "").split(",") if each.strip()]
    for name, kind in (("repeat", int), ("seconds", float)):
        with contextlib.suppress(ValueError):  # what is no number is refused as such
            given |= {name: kind(given[name])} if name in given else {}
    body: Dispatch = read_value(Dispatch, given)
    return body
