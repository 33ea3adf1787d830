"""Iai, iai-callgrind and Gungraun: instructions and caches that Valgrind counted, as text or as JSON summaries.

In text a benchmark is a line (or several) at the margin, and below it come indented lines of a metric
each; behind a `|` or in brackets stands the comparison with an earlier run, which is not taken. JSON is
what `--output-format=json` prints, an object for each benchmark.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected, decimal
from app.results.file import File, members, objects
from app.results.parsed import Parsed

FORMAT = "iai"

_METRIC = re.compile(r"[ \t]+([A-Za-z][\w+ .%()-]*?):[ \t]+(\d[\d.]*)(?=[|\s]|$)")
_TOOL = re.compile(r"[ \t]+=+ ([A-Z][\w]*) =+")
_KNOWN_BY = re.compile(
    r"^[ \t]+(?:(?:Instructions|Total bytes|Estimated Cycles|Total read\+write):[ \t]+\d"
    r"|=+ (?:CALLGRIND|CACHEGRIND|DHAT|MEMCHECK|HELGRIND|DRD) =+)",
    re.MULTILINE,
)
_UNITS = (  # part of a metric's name, and its unit; the first that fits counts
    ("instructions", "instructions"), ("cycles", "cycles"), ("bytes", "B"), ("blocks", "blocks"), ("rate", "%"),
)  # fmt: skip


def recognise(file: File) -> bool:
    """Know the text by a metric, and JSON by the profiles of a benchmark."""
    return _is_json(file) or _KNOWN_BY.search(file.head) is not None


def parse(file: File) -> Parsed:
    """Take every metric of the new run; those of other tools than Callgrind have its name before theirs."""
    if not _is_json(file):
        return _text(file)
    found = Collected(file, counts="lines")
    found.ignore(file.lines_passed_over)
    for document in file.documents:
        for summary in objects(document) or [members(document)]:
            if _is_summary(summary):
                _summary(found, summary)
    return found.parsed()


def _text(file: File) -> Parsed:
    found = Collected(file, counts="lines")
    names: list[str] = []  # lines at the margin since the last metric
    benchmark, tool = "", ""
    for line in file.lines():
        if not line[0].isspace():
            names.append(line)
            tool = ""  # of a new benchmark, until a section says otherwise
        elif section := _TOOL.match(line):
            tool = "" if section[1] == "CALLGRIND" else f"{section[1]} "
        elif metric := _METRIC.match(line):
            if names:
                benchmark, passed_over = _name(names)
                found.ignore(passed_over)
                names = []
            _take(found, benchmark, f"{tool}{metric[1]}", decimal(metric[2]))
        else:
            found.ignore()
    found.ignore(len(names))
    return found.parsed()


def _name(lines: list[str]) -> tuple[str, int]:
    """Join the lines of a name, which begin with a path; give how many lines before it are none of it."""
    start = max((at for at, line in enumerate(lines) if "::" in line.split(" ")[0]), default=len(lines) - 1)
    return " ".join(lines[start:]), start


def _take(found: Collected, benchmark: str, metric: str, value: float | None) -> None:
    """Take one count. Everything that is counted costs, but hits: more of them may be either."""
    lower = metric.lower()
    unit = next((unit for part, unit in _UNITS if part in lower), "")
    is_hit = "hit" in lower and "ram" not in lower
    better = "higher" if is_hit and "rate" in lower else None if is_hit else "lower"
    found.add(benchmark, metric, unit, [value], better=better)


def _is_json(file: File) -> bool:
    return any(_is_summary(each) for each in file.documents[:10])


def _is_summary(document: Any) -> bool:
    rows = objects(document) or [members(document)]
    return "module_path" in rows[0] and isinstance(rows[0].get("profiles"), list)


def _summary(found: Collected, summary: Mapping[str, Any]) -> None:
    words = ":".join(str(summary[key]) for key in ("id", "details") if summary.get(key))
    benchmark = f"{summary.get('module_path')} {words}".strip()
    for profile in objects(summary.get("profiles")):
        tool = str(profile.get("tool", ""))
        prefix = "" if tool == "Callgrind" else f"{tool} "
        total = members(members(members(profile.get("summaries")).get("total")).get("summary"))
        for metrics in total.values():
            for metric, told in members(metrics).items():
                _take(found, benchmark, f"{prefix}{metric}", _new_value(members(told).get("metrics")))


def _new_value(metrics: Any) -> float | None:
    """Give the value of the new run: alone on the left, or the first of both."""
    match metrics:
        case {"Left": {"Int": value} | {"Float": value}} | {"Both": [{"Int": value} | {"Float": value}, *_]}:
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return None
