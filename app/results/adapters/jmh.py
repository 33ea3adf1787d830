"""JMH: what `-rf json` writes."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, items, members, objects
from app.results.parsed import Parsed

FORMAT = "jmh"

_FACTS = ("jmhVersion", "jdkVersion", "vmName", "vmVersion")
_MODES = {"thrpt": "throughput", "avgt": "average time", "sample": "sampled time", "ss": "single shot time"}


def recognise(file: File) -> bool:
    """Know it by a list of benchmarks with a primary metric."""
    match file.document:
        case [{"benchmark": str(), "primaryMetric": {}}, *_]:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take the raw data of all forks, one after the other; of throughput more is better, of all other modes less."""
    found = Collected(file)
    for row in objects(file.document):
        found.facts(row, _FACTS)
        better = "higher" if row.get("mode") == "thrpt" else "lower"
        _take(found, row, _MODES.get(str(row.get("mode")), "score"), members(row.get("primaryMetric")), better)
        for name, metric in members(row.get("secondaryMetrics")).items():
            # The profiler of the collector says what garbage costs, also where it says it per second.
            is_garbage = name.lstrip("·").startswith("gc.")
            _take(found, row, name, members(metric), "lower" if is_garbage else None)
    return found.parsed()


def _take(found: Collected, row: Mapping[str, Any], name: str, metric: Mapping[str, Any], better: str | None) -> None:
    forks = [items(fork) for fork in items(metric.get("rawData"))]
    samples = list(chain.from_iterable(forks)) or [metric.get("score")]
    unit = metric.get("scoreUnit")
    found.add(row.get("benchmark"), name, unit, samples, better=better, params=members(row.get("params")))
