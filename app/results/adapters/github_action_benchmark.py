"""github-action-benchmark: the lists that its tools customBiggerIsBetter and customSmallerIsBetter read.

The file does not say which of the two it is for. A configuration does, with the format's name and
`-bigger` or `-smaller` behind it; else the unit decides.
"""

from functools import partial

from app.results.collecting import Collected, decimal
from app.results.file import File, objects
from app.results.parsed import Parsed

FORMAT = "github-action-benchmark"


def recognise(file: File) -> bool:
    """Know it by a list of rows with name, unit and value."""
    document = file.document
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(row, dict) and {"name", "unit", "value"} <= row.keys() for row in document)
    )


def parse(file: File, *, better: str | None = None) -> Parsed:
    """Take the value of each row as one sample; ranges and further text are not taken."""
    found = Collected(file)
    for row in objects(file.document):
        value = row.get("value")
        number = decimal(value) if isinstance(value, str) else value
        found.add(row.get("name"), "value", row.get("unit"), [number], better=better)
    return found.parsed()


parse_bigger = partial(parse, better="higher")
parse_smaller = partial(parse, better="lower")
