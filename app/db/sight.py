"""What a request sees of the database: the one place that every reading statement of it passes.

Somebody who may not see every repository is given a sight before the first statement. While it lasts, a SELECT reads
not the tables, but what is visible of them: in front of its text stand common table expressions that have the names
of the tables and hold the visible rows alone. So a query cannot forget to ask, and a new one need not know. Tasks,
builders and whoever acts with a right have no sight: their statements go through untouched.

Statements that lock or write rows are untouched too: whoever sends one has been asked for a right before.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.belonging import ALL, NOBODYS

TEXTS = 1024  # statements of which a process remembers what stands in front


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Which repositories are seen, and with them all that belongs to them."""

    public: bool  # those that are not private
    repositories: frozenset[int] = frozenset()  # and these

    def shows(self, repository_id: int | None, is_private: bool | None) -> bool:
        """Say whether a repository is seen, where that is known without a look at its row."""
        return (self.public and is_private is False) or repository_id in self.repositories


NOTHING = Sight(public=False)
_now: ContextVar[Sight | None] = ContextVar("sight", default=None)

BY_RULE = {  # whose rows belong to a repository, or to none
    "repository": (),  # as the sight says
    "alert": ("repository",),
    "audit": ("job",),
}
_RULES = {
    "alert": "repository_id IN (SELECT id FROM repository) OR repository_id IS NULL AND kind LIKE 'board%'",
    "audit": "job_id IN (SELECT id FROM job) OR job_id IS NULL AND board_id IS NOT NULL",
}
# Where a row belongs: the column that names a row of another table, which is visible or not.
BELONGS = {each.table: (each.column, each.through) for each in ALL if each.is_hidden and each.table not in BY_RULE}
OPEN = (NOBODYS | {each.table for each in ALL if not each.is_hidden}) - BY_RULE.keys()

_WORD = re.compile(r"[a-z_]+")
_CHANGES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|FOR (?:NO KEY )?UPDATE|FOR (?:KEY )?SHARE)\b")


def narrow(sight: Sight | None) -> None:
    """Set what the rest of this request sees; None: everything."""
    _now.set(sight)


@contextmanager
def everything() -> Iterator[None]:
    """See everything for a moment: for counts and conditions, never for what is shown."""
    before = _now.set(None)
    try:
        yield
    finally:
        _now.reset(before)


def current() -> Sight | None:
    """Give what this request sees; None: everything."""
    return _now.get()


def install(engine: AsyncEngine) -> None:
    """Have the statements of an engine pass here."""
    sa.event.listen(engine.sync_engine, "before_cursor_execute", _seen, retval=True)


def _seen(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool
) -> tuple[str, Any]:
    sight = _now.get()
    if sight is None or executemany:
        return statement, parameters
    text = narrowed(statement, len(parameters) + 1, public=sight.public)
    return (statement, parameters) if text is None else (text, (*parameters, sorted(sight.repositories)))


@lru_cache(TEXTS)
def narrowed(statement: str, number: int, *, public: bool) -> str | None:
    """Put what is visible in front of a statement; None for one that reads nothing that could be hidden.

    Args:
        number: of the parameter that holds the ids of further repositories.
    """
    if _CHANGES.search(statement) or not statement.lstrip().startswith(("SELECT", "WITH")):
        return None
    named = set(_WORD.findall(statement)) & (BELONGS.keys() | BY_RULE.keys())
    if not named:
        return None
    tables: dict[str, str] = {}
    for name in sorted(named):
        _add(tables, name, number, public=public)
    views = ", ".join(_view(name, rule) for name, rule in tables.items())
    if statement.startswith("WITH RECURSIVE"):  # there a name would mean itself
        return f"WITH {views} SELECT * FROM ({statement}) AS asked"  # noqa: S608  # as it was written
    if statement.startswith("WITH"):
        return f"WITH {views}, {statement.removeprefix('WITH')}"
    return f"WITH {views} {statement}"


def _view(name: str, rule: str) -> str:
    return f'"{name}" AS NOT MATERIALIZED (SELECT * FROM "{name}" WHERE {rule})'  # noqa: S608  # names of our tables


def _add(tables: dict[str, str], name: str, number: int, *, public: bool) -> None:
    """Add a table behind those that its condition reads."""
    if name in tables:
        return
    column, parent = BELONGS.get(name, ("", ""))
    for each in (parent,) if parent else BY_RULE[name]:
        _add(tables, each, number, public=public)
    if name == "repository":
        tables[name] = ("NOT private OR " if public else "") + f"id = ANY (${number}::INTEGER[])"
    else:
        tables[name] = f"{column} IN (SELECT id FROM {parent})" if parent else _RULES[name]  # noqa: S608  # likewise
