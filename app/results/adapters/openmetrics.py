"""OpenMetrics text, as Prometheus collects it. Only gauges are measurements of one execution."""

import re

from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.parsed import Parsed

FORMAT = "openmetrics"

_KNOWN_BY = re.compile(r"^# TYPE [a-zA-Z_:][\w:]* [a-z]+[ \t]*$", re.MULTILINE)
_META = re.compile(r"# (TYPE|UNIT) ([a-zA-Z_:][\w:]*) (\S+)")
_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \S+)?")
_LABEL = re.compile(r'\b([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_UNITS = {"seconds": "s", "milliseconds": "ms", "bytes": "B", "bytes_per_second": "B/s", "percent": "%"}


def recognise(file: File) -> bool:
    """Know it by a line that gives a metric its type."""
    return _KNOWN_BY.search(file.head) is not None


def parse(file: File) -> Parsed:
    """Take gauges: the label `benchmark` names the row, which else has the metric's name; other labels are params."""
    found = Collected(file, counts="lines")
    types: dict[str, str] = {}
    units: dict[str, str] = {}
    for line in file.lines():
        if meta := _META.match(line):
            (types if meta[1] == "TYPE" else units)[meta[2]] = meta[3]
        elif not line.startswith("#") and not _take(found, line, types, units):
            found.ignore()
    return found.parsed()


def _take(found: Collected, line: str, types: dict[str, str], units: dict[str, str]) -> bool:
    sample = _SAMPLE.fullmatch(line)
    if sample is None or types.get(sample[1]) != "gauge":
        return False
    name, value = sample[1], decimal(sample[3])
    labels: dict[str, object] = {key: _ESCAPED.sub(_unescaped, text) for key, text in _LABEL.findall(sample[2] or "")}
    benchmark = labels.pop("benchmark", found.wanted.benchmark or name)
    unit = units.get(name, found.wanted.unit or "")
    return value is not None and found.add(benchmark, name, _UNITS.get(unit, unit), [value], params=labels)


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
