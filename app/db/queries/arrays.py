"""Many values as one parameter: a statement is the same for one and for ten thousand of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

Column = tuple[Sequence[Any], type[sa.types.TypeEngine[Any]]]


def rows(name: str, columns: Mapping[str, Column]) -> sa.TableValuedAlias:
    """Make a table out of lists of one length."""
    given = [sa.cast(list(values), ARRAY(kind)) for values, kind in columns.values()]
    return sa.func.unnest(*given).table_valued(*columns, name=name).render_derived()


def ids(name: str, values: Sequence[int]) -> sa.TableValuedAlias:
    """Make a table with one column, `id`."""
    return rows(name, {"id": (values, sa.Integer)})


def is_in(column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Say that a column of numbers or texts has one of the values."""
    kind = sa.Text if isinstance(column.type, sa.String) else type(column.type)
    return column == sa.any_(sa.cast(list(values), ARRAY(kind)))
