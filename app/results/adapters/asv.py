"""airspeed velocity: a result file of version 2, as it lies below `results/MACHINE`.

A benchmark with parameters has one result for each combination, the last parameter changing fastest.
Their names stand in `benchmarks.json` beside the results; where that came along under `benchmarks` they
are taken from it, with the unit, else they are numbered.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, items, members
from app.results.parsed import MOST_METRICS, Parsed

FORMAT = "asv"

_COLUMNS = ("result", "params", "version")  # of a file that does not tell them
_UNITS = {"time": "s", "timeraw": "s", "mem": "B", "peakmem": "B"}  # what the name of a benchmark begins with
_WORDS = {"seconds": "s", "bytes": "B"}


def recognise(file: File) -> bool:
    """Know it by `result_columns` beside `results`."""
    match file.document:
        case {"result_columns": [*_], "results": {}}:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take the samples where they were recorded, else the result; less is better of everything that asv measures."""
    found = Collected(file)
    document = members(file.document)
    found.facts(document.get("params"), ("arch", "cpu", "num_cpu", "os", "python", "ram"))
    columns = [str(each) for each in items(document.get("result_columns")) or _COLUMNS]
    described = members(document.get("benchmarks"))
    for name, values in members(document.get("results")).items():
        row = dict(zip(columns, items(values) or [values], strict=False))
        _take(found, name, row, members(described.get(name)))
    return found.parsed()


def _take(found: Collected, name: str, row: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    results, samples = row.get("result"), items(row.get("samples"))
    if not isinstance(results, list):
        found.unmeasured(name, "failed", "" if results is None else "no list of results")
        return
    metric, unit = _metric(name), _unit(name, described)
    for number, (result, params) in enumerate(zip(results, _combinations(row, described), strict=False)):
        taken = items(samples[number]) if number < len(samples) else []
        if result is None:
            shown = ", ".join(str(value) for value in params.values())
            found.unmeasured(f"{name}({shown})", "skipped" if params else "failed")
        else:
            found.add(
                name, metric, unit, taken or [result], better="lower", params=params, version=row.get("version") or ""
            )


def _combinations(row: Mapping[str, Any], described: Mapping[str, Any]) -> list[dict[str, object]]:
    values = [items(each) for each in items(row.get("params"))]
    count = 1
    for each in values:
        count *= len(each)
        if count > MOST_METRICS:
            return []
    names = [str(each) for each in items(described.get("param_names"))]
    keys = [names[at] if at < len(names) else f"param{at + 1}" for at in range(len(values))]
    return [dict(zip(keys, each, strict=True)) for each in product(*values)]


def _metric(name: str) -> str:
    prefix = name.rpartition(".")[2].partition("_")[0]
    return {"time": "time", "timeraw": "time", "mem": "memory", "peakmem": "peak memory"}.get(prefix, "value")


def _unit(name: str, described: Mapping[str, Any]) -> str:
    told = described.get("unit")
    if isinstance(told, str) and told != "unit":  # what asv writes where nobody said one
        return _WORDS.get(told, told)
    return _UNITS.get(name.rpartition(".")[2].partition("_")[0], "")
