"""Go: the text that `go test -bench` prints.

A line is `BenchmarkName-8  1000  990.5 ns/op  64 B/op`: after the number of iterations come pairs of
value and unit. The number behind the name is GOMAXPROCS, left out where it is 1. Lines that repeat,
as with `-count`, are samples.
"""

import re

from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.parsed import Parsed
from app.results.units import better_for

FORMAT = "go"

_LINE = re.compile(r"Benchmark(\S*?)(?:-(\d{1,5}))?[ \t]+\d+[ \t]+(\S.*)")
_KNOWN_BY = re.compile(r"^Benchmark\S*[ \t]+\d+[ \t]+[\d.]+(?:e[+-]?\d+)? \S+", re.MULTILINE)
_HEADER = re.compile(r"(goos|goarch|cpu|pkg): (.*)")
_UNIT = re.compile(r"Unit[ \t]+(\S+)[ \t]+(?:\S+[ \t]+)*?better=(higher|lower)\b")
_SILENT = re.compile(r"(?:PASS|FAIL|ok|testing:)(?:\s|$)|--- |\?\s|Benchmark\S*$")  # what go test says besides


def recognise(file: File) -> bool:
    """Know it by a line of a benchmark."""
    return _KNOWN_BY.search(file.head) is not None


def parse(file: File) -> Parsed:
    """Take every pair of value and unit as a metric named after its unit; `-procs` is a param."""
    found = Collected(file, counts="lines")
    package, directions = "", {}
    for line in file.lines():
        if header := _HEADER.match(line):
            if header[1] == "pkg":
                package = header[2]
            else:
                found.facts({header[1]: header[2]}, (header[1],))
        elif unit := _UNIT.match(line):
            directions[unit[1]] = unit[2]
        elif not _take(found, line, package, directions) and not _SILENT.match(line):
            found.ignore()
    return found.parsed()


def _take(found: Collected, line: str, package: str, directions: dict[str, str]) -> bool:
    row = _LINE.match(line)
    if row is None:
        return False
    name, procs, words = row[1], row[2], row[3].split()
    params: dict[str, object] = {"procs": int(procs)} if procs else {}
    if package:
        params["pkg"] = package
    pairs = zip(words[::2], words[1::2], strict=False)
    taken = [
        found.add(name, unit, unit, [value], better=directions.get(unit) or better_for(unit), params=params)
        for text, unit in pairs
        if (value := decimal(text)) is not None
    ]
    return bool(taken)
