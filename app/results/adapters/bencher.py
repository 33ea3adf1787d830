"""Bencher Metric Format: benchmarks with measures, each a value with bounds.

The second version of it has a list below each benchmark: `parameters` beside `measures`.
"""

from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, members, objects
from app.results.parsed import Parsed
from app.results.units import better_for

FORMAT = "bencher"

# The measures that Bencher makes for a project, with the units that it shows.
UNITS = {"latency": "ns", "throughput": "ops/s", "build-time": "s", "file-size": "B", "allocated": "B"}


def recognise(file: File) -> bool:
    """Know it by an object in which everything has measures with a value."""
    document = file.document
    return isinstance(document, dict) and bool(document) and all(map(_is_benchmark, document.values()))


def parse(file: File) -> Parsed:
    """Take each value as one sample; bounds are derived. Units are those of Bencher's own measures, else none."""
    found = Collected(file)
    for name, content in members(file.document).items():
        for params, measures in _rows(content):
            for measure, metric in measures.items():
                _take(found, name, measure, members(metric), params)
    return found.parsed()


def _take(
    found: Collected, benchmark: str, measure: str, metric: Mapping[str, Any], params: Mapping[str, object]
) -> None:
    """Take one value; a measure that costs something by its last word, as `l1-misses`, is better when lower."""
    unit = metric.get("unit") or UNITS.get(measure, "")  # our own histories tell it; Bencher does not
    better = None if unit else better_for(measure.rpartition("-")[2])
    found.add(benchmark, measure, unit, [metric.get("value")], better=better, params=params)


def _rows(content: Any) -> list[tuple[Mapping[str, object], Mapping[str, Any]]]:
    if isinstance(content, list):
        return [(members(row.get("parameters")), members(row.get("measures"))) for row in objects(content)]
    return [({}, members(content))]


def _is_benchmark(content: Any) -> bool:
    rows = _rows(content)
    return bool(rows) and all(_are_measures(measures) for _, measures in rows)


def _are_measures(measures: Mapping[str, Any]) -> bool:
    return bool(measures) and all(isinstance(each, dict) and "value" in each for each in measures.values())
