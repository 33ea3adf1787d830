"""benchmark.js: the lines that it prints of a cycle, or its benchmarks as JSON.

`console.log(String(event.target))` prints a line; `JSON.stringify(suite.map(each => each))` keeps the
samples, in seconds per operation.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected, decimal
from app.results.file import File, items, members, objects
from app.results.parsed import Parsed

FORMAT = "benchmark.js"

_LINE = re.compile(r"(.*\S) x ([\d,.]+) ops/sec ±[\d.]+% \(\d+ runs? sampled\)")
_KNOWN_BY = re.compile(r" x [\d,.]+ ops/sec ±")


def recognise(file: File) -> bool:
    """Know the text by a line of a benchmark, the JSON by its `hz` and the samples in `stats`."""
    return _is_json(file) or _KNOWN_BY.search(file.head) is not None


def parse(file: File) -> Parsed:
    """Take the time of each sample; of text, where there are none, the operations per second."""
    if not _is_json(file):
        return _text(file)
    found = Collected(file)
    for row in _rows(file.document):
        if not _is_benchmark(row):
            continue
        samples = items(members(row.get("stats")).get("sample"))
        if row.get("error") is not None or not samples:
            found.unmeasured(row.get("name"), "failed", members(row.get("error")).get("message"))
        else:
            found.add(row.get("name"), "time", "s", samples)
    return found.parsed()


def _text(file: File) -> Parsed:
    found = Collected(file, counts="lines")
    for line in file.lines():
        row = _LINE.match(line)
        if row is None or not found.add(row[1], "throughput", "ops/s", [decimal(row[2])]):
            found.ignore()
    return found.parsed()


def _is_json(file: File) -> bool:
    return any(_is_benchmark(row) for row in _rows(file.document)[:20])


def _rows(document: Any) -> list[dict[str, Any]]:
    """List the benchmarks of a list, of a suite (which has them under their numbers), or the one that it is."""
    if isinstance(document, dict):
        return [document] if _is_benchmark(document) else objects(list(document.values()))
    return objects(document)


def _is_benchmark(row: Mapping[str, Any]) -> bool:
    return "name" in row and "stats" in row and ("hz" in row or "cycles" in row)
