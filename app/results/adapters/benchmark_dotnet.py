"""BenchmarkDotNet: what its JSON exporters write, brief or full."""

from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, items, members, objects
from app.results.parsed import Parsed

FORMAT = "benchmarkdotnet"

_FACTS = ("BenchmarkDotNetVersion", "OsVersion", "ProcessorName", "RuntimeVersion", "Architecture", "Configuration")
_OF_MEMORY = ("Allocated Memory", "Gen0Collects", "Gen1Collects", "Gen2Collects")  # told under Memory already


def recognise(file: File) -> bool:
    """Know it by `Benchmarks` beside `HostEnvironmentInfo`."""
    match file.document:
        case {"HostEnvironmentInfo": {}, "Benchmarks": [*_]}:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take the time of each iteration in ns, the bytes allocated per operation, and what other diagnosers measured."""
    found = Collected(file)
    document = members(file.document)
    found.facts(document.get("HostEnvironmentInfo"), _FACTS)
    for row in objects(document.get("Benchmarks")):
        _take(found, row)
    return found.parsed()


def _take(found: Collected, row: Mapping[str, Any]) -> None:
    name = row.get("FullName") or row.get("DisplayInfo") or row.get("Method")
    stats = members(row.get("Statistics"))
    if not stats:
        found.unmeasured(name, "failed", "no statistics")
        return
    found.add(name, "time", "ns", items(stats.get("OriginalValues")) or [stats.get("Median")])
    allocated = members(row.get("Memory")).get("BytesAllocatedPerOperation")
    if allocated is not None:
        found.add(name, "allocated", "B/op", [allocated])
    for metric in objects(row.get("Metrics")):
        told = members(metric.get("Descriptor"))
        if told.get("Id") not in _OF_MEMORY:
            better = "higher" if told.get("TheGreaterTheBetter") else "lower"
            found.add(
                name, told.get("DisplayName") or told.get("Id"), told.get("Unit"), [metric.get("Value")], better=better
            )
