"""github-action-benchmark: the `data.js` that its pages show, or the JSON of an external data file. Pure.

It has suites, each a list of entries: a commit, the tool, and rows of name, value and unit. Raw samples
were not kept, so that a row is one sample.
"""

from collections.abc import Mapping
from typing import Any

from app.results.file import items, members, objects
from app.results.histories.piece import History, Piece, document, encoded, full_hash, moment, text

NAME = "github-action-benchmark"

_FORMATS = {"customBiggerIsBetter": f"{NAME}-bigger", "customSmallerIsBetter": f"{NAME}-smaller"}


def split(files: Mapping[str, bytes]) -> History | None:
    """Make a custom list of each entry; with several suites their names begin those of the rows."""
    if len(files) != 1:
        return None
    suites = _suites(*files.values())
    if suites is None:
        return None
    pieces, nameless = list[Piece](), 0
    for suite, entries in suites.items():
        for entry in objects(entries):
            commit = full_hash(members(entry.get("commit")).get("id"))
            if commit is None:
                nameless += 1
            else:
                pieces.append(_piece(commit, entry, f"{suite}/" if len(suites) > 1 else ""))
    return History(name=NAME, pieces=tuple(pieces), nameless=nameless)


def _suites(data: bytes) -> dict[str, Any] | None:
    script = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if script.startswith(b"window.BENCHMARK_DATA"):
        script = script.partition(b"=")[2].strip().removesuffix(b";")
    match document(script):
        case {"entries": dict() as suites} if all(isinstance(each, list) for each in suites.values()):
            return suites
    return None


def _piece(commit: str, entry: Mapping[str, Any], prefix: str) -> Piece:
    told = members(entry.get("commit"))
    rows = [
        {"name": f"{prefix}{row.get('name')}", "unit": _unit(row.get("unit")), "value": row.get("value")}
        for row in objects(items(entry.get("benches")))
    ]
    return Piece(
        commit=commit,
        data=encoded(rows),
        format=_FORMATS.get(str(entry.get("tool")), NAME),
        committed_at=moment(told.get("timestamp")),
        measured_at=moment(entry.get("date")),
        title=text(told, "message", 500),
        author=text(members(told.get("author")), "name", 200),
    )


def _unit(unit: Any) -> str:
    """Give the unit as it would be written elsewhere: what is measured of one iteration is measured."""
    return unit.removesuffix("/iter") if isinstance(unit, str) else ""
