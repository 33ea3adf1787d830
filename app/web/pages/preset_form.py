"""Saved dispatches as forms: which there are, and the fields that one asks for.

They are shown to who may read everything, as by the API: what is saved may name any repository.
"""

from dataclasses import dataclass
from typing import Any

from quart import g
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.presets import PresetView
from app.errors import NotFound
from app.handlers import presets
from app.rights import Right
from app.web.api.operations import read_value
from app.web.api.presets import PresetDispatch
from app.web.auth import Actor
from app.web.pages.answer import text

OFFERED = 200
ARGUMENT = "arg "  # how the names of the fields of arguments begin, in the form and in a link that fills it


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A preset that can be chosen."""

    name: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One field."""

    name: str
    value: str  # that stands in it
    is_needed: bool
    patterns: list[str]  # of which one has to fit; none: anything
    description: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The preset that the form is for."""

    name: str
    description: str
    work: dict[str, str]  # fields of the dispatch; {name} is an argument
    arguments: list[Argument]


async def offered(db: AsyncConnection, actor: Actor) -> list[Offered]:
    """List what can be chosen."""
    if not actor.may(Right.READ):
        return []
    found = await presets.list_(db, after=0, limit=OFFERED)
    return [Offered(name=each.name, description=each.description) for each in found]


async def chosen(db: AsyncConnection, actor: Actor) -> Chosen | None:
    """Give what the query string names; what it says of arguments, or a form that was refused, stands in the fields.

    Raises:
        NotFound: there is no such preset, or the actor does not see any.
    """
    name = text("preset")
    if name is None:
        return None
    if not actor.may(Right.READ):
        raise NotFound(f"There is no preset {name!r} for you to see.")
    found = await presets.find(db, name)
    return Chosen(
        name=found.name,
        description=found.description,
        work={each: _shown(value) for each, value in found.work.items() if value not in (None, "", [])},
        arguments=[_argument(each, rules) for each, rules in found.arguments.items()],
    )


def wish(found: PresetView, form: dict[str, str]) -> PresetDispatch:
    """Read the form as the API's body. An empty field was not filled in, unless it stands for something by default."""
    given = {name: form[f"{ARGUMENT}{name}"].strip() for name in found.arguments if f"{ARGUMENT}{name}" in form}
    kept = {name: value for name, value in given.items() if value or found.arguments[name]["default"] is not None}
    token = {"token": form["token"].strip()} if form.get("token", "").strip() else {}
    body: PresetDispatch = read_value(PresetDispatch, {"arguments": kept, **token})
    return body


def _argument(name: str, rules: Any) -> Argument:
    refused: dict[str, str] = g.get("refused_form", {})
    default = rules["default"]
    return Argument(
        name=name,
        value=refused.get(f"{ARGUMENT}{name}") or text(f"{ARGUMENT}{name}") or default or "",
        is_needed=default is None,
        patterns=list(rules["patterns"]),
        description=rules["description"],
    )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
