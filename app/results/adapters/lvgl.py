"""LVGL: the summary that its benchmark demo prints.

Behind a line with `Benchmark Summary` come a header and a row for each scene: name, processor load in
%, frames per second, and the times in ms, all whole numbers. The last row averages the others.
"""

import re

from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.parsed import NotUnderstood, Parsed

FORMAT = "lvgl"

SKIP = "Skip"  # what a board says that cannot run the demo
_TITLE = "Benchmark Summary"
_NOT_MEASURED = ("Skip", "N/A", "-")
_COLUMNS = (  # a word of the header, and what its column is
    ("cpu", "cpu", "%", "lower"),
    ("fps", "fps", "frames/s", "higher"),
    ("render", "render", "ms", "lower"),
    ("flush", "flush", "ms", "lower"),
    ("time", "time", "ms", "lower"),
)
_DERIVED = re.compile(r"all scenes\b|avg\b|average\b", re.IGNORECASE)

Column = tuple[str, str, str] | None


def recognise(file: File) -> bool:
    """Know it by the title of the summary, or by the one word of a board that skips."""
    return _TITLE in file.head or file.data.strip() == SKIP.encode()


def parse(file: File) -> Parsed:
    """Take the rows of the scenes, each number with a resolution of 1; the average row is no benchmark."""
    if file.data.strip() == SKIP.encode():
        return Parsed(metrics=(), status="skipped", reason="the board answered Skip")
    found = Collected(file, counts="lines")
    lines = file.lines()
    for line in lines:
        if _TITLE in line:
            break
        found.ignore()
    header = next((line for line in lines if line.count(",") >= 2), None)
    if header is None:
        raise NotUnderstood(f"no header with commas after {_TITLE}")
    columns = [_column(word) for word in header.split(",")[1:]]
    for line in lines:
        if not _take(found, line, columns):
            found.ignore()
    return found.parsed()


def _column(heading: str) -> Column:
    return next((column for word, *column in _COLUMNS if word in heading.lower()), None)  # type: ignore[return-value]


def _take(found: Collected, line: str, columns: list[Column]) -> bool:
    """Take one scene; its name may hold commas."""
    name, *cells = (cell.strip() for cell in line.rsplit(",", len(columns)))
    if len(cells) < len(columns) and not (cells and cells[0] in _NOT_MEASURED):
        return False
    if _DERIVED.match(name):
        return True
    if cells[0] in _NOT_MEASURED:
        found.unmeasured(name, "skipped")
        return True
    taken = [
        found.add(name, column[0], column[1], [value], better=column[2], resolution=1)
        for column, cell in zip(columns, cells, strict=False)
        if column is not None and (value := decimal(cell.removesuffix("%"))) is not None
    ]
    return bool(taken)
