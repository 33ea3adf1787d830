"""Criterion.rs: its files below `target/criterion`, one after the other, or the stream of cargo-criterion.

`find target/criterion -path '*/new/*.json' | sort | xargs cat` gives the files of all benchmarks: the
name is in `benchmark.json`, the samples in `sample.json`, what was estimated from them in `estimates.json`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.results.collecting import Collected, number
from app.results.file import File, items, members
from app.results.parsed import Parsed

FORMAT = "criterion"

Group = dict[str, Mapping[str, Any]]


def recognise(file: File) -> bool:
    """Know it by the keys of one of its files, or by a message of the stream."""
    return any(_kind(each) for each in file.documents[:10])


def parse(file: File) -> Parsed:
    """Take time per iteration, in ns or the unit of the stream; without samples the estimated median."""
    found = Collected(file)
    for group in _groups(file.documents):
        if "message" in group:
            _take_message(found, group["message"])
        else:
            _take_files(found, group)
    return found.parsed()


def _kind(document: Any) -> str | None:
    """Name what a document is: which of the three files, or a message."""
    match document:
        case {"reason": "benchmark-complete", "id": _}:
            return "message"
        case {"full_id": str(), "group_id": _}:
            return "benchmark"
        case {"iters": [*_], "times": [*_]}:
            return "sample"
        case {"median": {"point_estimate": _}, "mean": _}:
            return "estimates"
    return None


def _groups(documents: Iterable[Any]) -> Iterator[Group]:
    """Put the files of one benchmark together, in whatever order they are: a second of a kind begins the next."""
    group: Group = {}
    for document in documents:
        kind = _kind(document)
        if kind is None:
            continue
        if kind in group or kind == "message":
            if group:
                yield group
            group = {}
        group[kind] = document
    if group:
        yield group


def _take_files(found: Collected, group: Group) -> None:
    if group.keys() == {"benchmark"}:
        return found.ignore()
    name = group.get("benchmark", {}).get("full_id", found.wanted.benchmark or "criterion")
    sample = group.get("sample", {})
    samples = _per_iteration(sample.get("times"), sample.get("iters"))
    estimate = members(group.get("estimates", {}).get("median")).get("point_estimate")
    found.add(name, "time", "ns", samples or [estimate])
    return None


def _take_message(found: Collected, message: Mapping[str, Any]) -> None:
    samples = _per_iteration(message.get("measured_values"), message.get("iteration_count"))
    typical = next((members(message[key]) for key in ("median", "typical", "mean") if message.get(key)), {})
    found.add(message.get("id"), "time", message.get("unit") or "ns", samples or [typical.get("estimate")])


def _per_iteration(values: Any, iterations: Any) -> list[float]:
    pairs = ((number(value), number(count)) for value, count in zip(items(values), items(iterations), strict=False))
    return [value / count for value, count in pairs if value is not None and count is not None and count > 0]
