"""Saved dispatches: the one that is built in, what a person's arguments make of one, and which commit it means."""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import presets, repositories
from app.db.queries.presets import PresetView
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound, Unavailable
from app.handlers.occasion import facts_of
from app.policy import globs
from builders.protocol import Kind
from integrations.forge import ForgeError

Value = str | int | float | bool  # of an argument, as a caller gives it

NAME = r"[a-z][a-z0-9_]{0,39}"  # of an argument; builders.environment makes RIGLINE_ARG_… of it
LONGEST_VALUE = 500  # characters
NUMBERS: Mapping[str, type[int] | type[float]] = {"seconds": float, "repeat": int}
_HOLE = re.compile(r"\{(" + NAME + r")\}")

BUILT_IN = (
    PresetView(
        id=1,
        name="demo",
        description="Build the newest commit of a repository on every board: a job that any lab can run.",
        work={"kind": Kind.BUILD.value, "repository": "{repository}", "branch": "{branch}"},
        arguments={
            "repository": {"default": "", "patterns": [], "description": "none: the only one that is served"},
            "branch": {"default": "", "patterns": [], "description": "none: the default branch"},
        },
        made_by="rigline",
        changed_at=None,
    ),
)


async def find(db: AsyncConnection, name: str) -> PresetView:
    """Read a preset.

    Raises:
        NotFound: with the nearest name there is.
    """
    known = {each.name: each for each in BUILT_IN}
    found = known.get(name) or await presets.get(db, name)
    if found is None:
        names = [*known, *(each.name for each in await presets.list_(db, limit=1000))]
        near = get_close_matches(name, names, 1)
        hint = f"Did you mean {near[0]!r}?" if near else "`rigline preset list` names them."
        raise NotFound(f"There is no preset {name!r}. {hint}")
    return found


async def list_(db: AsyncConnection, *, after: int, limit: int) -> list[PresetView]:
    """List presets by id, those that are built in first."""
    first = [each for each in BUILT_IN if each.id > after][:limit]
    rest = await presets.list_(db, after=max(after, presets.FIRST_ID - 1), limit=limit - len(first))
    return [*first, *rest]


def arguments(preset: PresetView, given: Mapping[str, Value]) -> dict[str, str]:
    """Give every argument its value: what was given, else its default.

    Raises:
        Invalid: one is unknown, missing, too long, or fits none of its patterns.
    """
    for name in given:
        if name not in preset.arguments:
            raise Invalid(
                f"{name}: no argument of preset {preset.name}. It takes {', '.join(preset.arguments) or 'none'}."
            )
    chosen = {}
    for name, rules in preset.arguments.items():
        value = _text(given[name]) if name in given else rules["default"]
        if value is None:
            raise Invalid(f"{name}: give this argument; it has no default.")
        chosen[name] = _fitting(name, value, rules["patterns"])
    return chosen


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _fitting(name: str, value: str, patterns: list[str]) -> str:
    if len(value) > LONGEST_VALUE or not value.isprintable():
        raise Invalid(f"{name}: at most {LONGEST_VALUE} characters on one line, without control characters")
    if patterns and not globs.matches(patterns, value):
        raise Invalid(f"{name}: {value!r} fits none of {', '.join(patterns)}")
    return value


def filled(work: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Fill arguments into the fields of a dispatch; what is empty then was not given.

    Raises:
        Invalid: a number is none.
    """
    fields = {name: _filled(value, values) for name, value in work.items()}
    for name, kind in NUMBERS.items():
        if isinstance(fields.get(name), str) and fields[name]:
            fields[name] = _number(name, fields[name], kind)
    return {name: value for name, value in fields.items() if value not in ("", None, [])}


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [each for each in (_filled(each, values) for each in value) if each]
    return _HOLE.sub(lambda hole: values[hole[1]], value) if isinstance(value, str) else value


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise Invalid(f"{name}: expected a number, not {text[:50]!r}") from None


def holes(work: Mapping[str, Any]) -> Iterator[str]:
    """Name the arguments that the fields of a dispatch ask for."""
    for value in work.values():
        for each in value if isinstance(value, list) else [value]:
            yield from _HOLE.findall(each) if isinstance(each, str) else ()


async def located(deps: Deps, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Add what a dispatch lacks: the repository if only one is served, and the commit that a branch is at now.

    Raises:
        NotFound, Conflict, Invalid, Unavailable: as they say.
    """
    fields = dict(fields)
    branch = fields.pop("branch", None)
    if "remote_url" in fields:
        if "commit" not in fields:
            raise Invalid(
                "commit: a remote is asked for one commit; a branch is looked up only where a forge is asked."
            )
        return fields
    async with deps.begin() as db:
        named = fields.get("repository")
        row = await repositories.by_name(db, named) if named else await repositories.only(db)
    if row is None and named:
        raise NotFound(f"No repository {named} is served. `rigline repo list` names them.")
    if row is None:
        raise Conflict("Say which repository: none, or more than one, is served. `rigline repo list` names them.")
    fields["repository"] = row["full_name"]
    if "commit" not in fields:
        fields["commit"] = await _head(deps, row, branch or row["default_branch"])
    return fields


async def _head(deps: Deps, row: Any, branch: str) -> str:
    forge = deps.forges.get(row["forge"])
    if forge is None:
        raise Invalid(f"commit: {row['full_name']} is on no forge that could be asked for a branch.")
    try:
        commit = await forge.branch_head(facts_of(row), branch)
    except ForgeError as problem:
        raise Unavailable(f"{forge.name} does not say where {branch} is: {problem}") from None
    if commit is None:
        raise Invalid(f"branch: {row['full_name']} has no branch {branch}.")
    return commit
