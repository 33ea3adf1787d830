"""Read what a configuration says of the format of its result file: a name, or a table."""

from __future__ import annotations

import re

from builders.config_table import Table
from builders.protocol import MAX_FORMAT_NAME, MAX_PATTERN, WantedFormat

PATTERN = "pattern"  # the format that a regular expression reads
BETTER = ("lower", "higher")
MAX_BENCHMARK = 200  # characters


def read(table: Table) -> WantedFormat | None:
    """Read the key `format` of a configuration.

    Raises:
        ConfigError: a value is too long, no expression, or no direction.
    """
    given = table.data.get("format")
    if not isinstance(given, dict):
        name = table.optional_text("format")
        return None if name is None else WantedFormat(name=_short(table, "format", name, MAX_FORMAT_NAME))
    return _from_table(table.table("format"))


def _from_table(table: Table) -> WantedFormat:
    made = WantedFormat(
        name=_optional(table, "name", MAX_FORMAT_NAME) or (PATTERN if "pattern" in table.data else None),
        pattern=_pattern(table),
        benchmark=_optional(table, "benchmark", MAX_BENCHMARK),
        unit=_optional(table, "unit", MAX_FORMAT_NAME),
        better=_optional(table, "better", MAX_FORMAT_NAME),
    )
    table.refuse_others()
    if made.better not in (None, *BETTER):
        raise table.wrong("better", f"must be lower or higher, not {made.better!r}")
    if (made.name == PATTERN) is not (made.pattern is not None):
        raise table.wrong("pattern", f"belongs to the format {PATTERN!r}, and to no other")
    return made


def _pattern(table: Table) -> str | None:
    pattern = _optional(table, "pattern", MAX_PATTERN)
    if pattern is None:
        return None
    try:
        groups = re.compile(pattern).groupindex
    except re.error as problem:
        raise table.wrong("pattern", f"is no regular expression: {problem}") from problem
    if "value" not in groups:
        raise table.wrong("pattern", "names no number: write the group (?P<value>…) around it")
    return pattern


def _optional(table: Table, key: str, limit: int) -> str | None:
    text = table.optional_text(key)
    return None if text is None else _short(table, key, text, limit)


def _short(table: Table, key: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise table.wrong(key, f"has {len(text)} characters; at most {limit}")
    return text
