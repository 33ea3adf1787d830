"""Julia: what `BenchmarkTools.save` writes.

The file is a pair: versions, and a list of values, each a pair of type and content. Groups hold groups.
"""

from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, items, members
from app.results.parsed import Parsed

FORMAT = "julia"

DEEPEST = 50  # groups in groups


def recognise(file: File) -> bool:
    """Know it by the versions of Julia and BenchmarkTools at its beginning."""
    match file.document:
        case [{"Julia": _, "BenchmarkTools": _}, [*_]]:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take times in ns with all samples, memory in bytes and allocations; names of groups are joined by `/`."""
    found = Collected(file)
    match file.document:
        case [{} as versions, [*values]]:
            found.facts(versions, ("Julia", "BenchmarkTools"))
            for value in values:
                _walk(found, value, ())
    return found.parsed()


def _walk(found: Collected, value: Any, names: tuple[str, ...]) -> None:
    match value:
        case [str(kind), {"data": {} as data}] if kind.endswith("BenchmarkGroup") and len(names) < DEEPEST:
            for name, inner in data.items():
                _walk(found, inner, (*names, name))
        case [str(kind), {} as content] if kind.endswith(("Trial", "TrialEstimate")):
            _take(found, "/".join(names) or found.wanted.benchmark or "benchmark", members(content))
        case _:
            found.ignore()


def _take(found: Collected, name: str, content: Mapping[str, Any]) -> None:
    found.add(name, "time", "ns", items(content.get("times")) or [content.get("time")])
    for metric, unit in (("memory", "B"), ("allocs", "allocs")):
        if metric in content:
            found.add(name, metric, unit, [content[metric]])
