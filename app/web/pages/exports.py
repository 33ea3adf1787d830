"""A table as CSV, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

OBEYED = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take a text with such a beginning for a formula


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The table of a page: what its rows hold, in the order of the page."""

    fields: Sequence[str]
    lines: Iterable[Sequence[Any]]

    def as_csv(self) -> str:
        """Write it as RFC 4180 wants: nothing for what is not there, times as ISO 8601, numbers in full."""
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(self.fields)
        writer.writerows([_cell(each) for each in line] for line in self.lines)
        return file.getvalue()


def _cell(value: Any) -> Any:
    """Keep texts of anybody from being formulas: they get an apostrophe in front, as spreadsheets themselves do."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(OBEYED):
        return f"'{value}"
    return value
