"""Statements that are run often: their constants stand in the text, and only what changes is bound."""

from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql import visitors

# Plans are made once for all values. Where what suits one repository is wrong for another, a statement is planned for
# the very values, and those after it are not.
PLAN_ANEW = sa.text("SET LOCAL plan_cache_mode = force_custom_plan")
PLAN_ONCE = sa.text("SET LOCAL plan_cache_mode = force_generic_plan")
# A page of a long list is few rows: looked up one by one from where it begins. To join whole sets is to read what is
# above the page too, or all there is, and PostgreSQL takes that for cheap when much of it is hidden or far away.
_JOINS = tuple((f"enable_{way}join", "off", "on") for way in ("merge", "hash"))
_PAGE = (("plan_cache_mode", "force_custom_plan", "force_generic_plan"), *_JOINS)
PLAN_A_PAGE, PLAN_AS_EVER = (
    sa.text("SELECT " + ", ".join(f"set_config('{each[0]}', '{each[at]}', true)" for each in _PAGE)) for at in (1, 2)
)
_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]

Statement = TypeVar("Statement", bound=sa.Executable)


def fixed(statement: Statement) -> Statement:
    """Write the constants of a statement into its text, once, for all its executions.

    A long condition has hundreds of constants. Bound, each is handed to the server at each execution,
    and lists of words are expanded anew. What is given by name at the execution stays a parameter.
    """
    made: Statement = visitors.replacement_traverse(cast(Any, statement), {}, _written)
    return made


def _written(element: Any, **_: Any) -> Any:
    """Give what stands for a constant; None leaves the element as it is."""
    if not isinstance(element, sa.BindParameter) or not element.unique or element.value is None:
        return None
    write = element.type.dialect_impl(_DIALECT).literal_processor(_DIALECT)
    if write is None:
        return None
    if element.expanding:
        return sa.literal_column(f"({', '.join(write(each) for each in element.value)})") if element.value else None
    return sa.literal_column(write(element.value), element.type)
