"""Google Benchmark: what `--benchmark_format=json` or `--benchmark_out` writes.

Repetitions are samples of one benchmark. Means, medians and deviations that the program adds are
derived and not taken; only where it reports nothing else is the median taken, as one sample.
"""

from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, members, objects
from app.results.parsed import Parsed

FORMAT = "google-benchmark"

_FACTS = ("num_cpus", "mhz_per_cpu", "cpu_scaling_enabled", "library_version", "library_build_type")
_NO_COUNTERS = {
    "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations",
    "real_time", "cpu_time",
}  # fmt: skip
_UNITS = {
    "bytes_per_second": "B/s", "items_per_second": "items/s", "max_bytes_used": "B", "total_allocated_bytes": "B",
    "net_heap_growth": "B", "allocs_per_iter": "allocs",
}  # fmt: skip


def recognise(file: File) -> bool:
    """Know it by its context, which names the executable or the build type of the library, beside `benchmarks`."""
    match file.document:
        case {"context": {"executable": _}, "benchmarks": [*_]} | {
            "context": {"library_build_type": _},
            "benchmarks": [*_],
        }:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take real and CPU time, rates and user counters of every repetition."""
    found = Collected(file)
    document = members(file.document)
    found.facts(document.get("context"), _FACTS)
    rows = objects(document.get("benchmarks"))
    measured = {_name(row) for row in rows if not _is_aggregate(row)}
    for row in rows:
        if _is_aggregate(row) and (_name(row) in measured or row.get("aggregate_name") != "median"):
            continue
        _take(found, row)
    return found.parsed()


def _take(found: Collected, row: Mapping[str, Any]) -> None:
    if row.get("error_occurred"):
        found.unmeasured(_name(row), "failed", row.get("error_message"))
        return
    if row.get("skipped"):
        found.unmeasured(_name(row), "skipped", row.get("skip_message"))
        return
    for metric in ("real_time", "cpu_time"):
        found.add(_name(row), metric, row.get("time_unit", "ns"), [row.get(metric)], better="lower")
    for counter, value in row.items():
        if counter in _NO_COUNTERS or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        unit = _UNITS.get(counter, "1/s" if counter.endswith("_per_second") else "")
        found.add(_name(row), counter, unit, [value])


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("run_name") or row.get("name"))


def _is_aggregate(row: Mapping[str, Any]) -> bool:
    return row.get("run_type") == "aggregate"
