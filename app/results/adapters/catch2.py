"""Catch2: what `--reporter xml` writes, of versions 2 and 3.

The reporter keeps no samples: the mean is the one sample. Times are nanoseconds.
"""

from collections.abc import Mapping

from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.markup import walk
from app.results.parsed import Parsed

FORMAT = "catch2"

_ROOTS = ("Catch", "Catch2TestRun")


def recognise(file: File) -> bool:
    """Know it by the root element."""
    return file.root in _ROOTS


def parse(file: File) -> Parsed:
    """Take the mean of each benchmark as `test case/benchmark`; the sections around it are a param."""
    reader = _Reader(Collected(file))
    walk(file.data, reader.start, reader.end)
    return reader.found.parsed()


class _Reader:
    def __init__(self, found: Collected) -> None:
        self.found = found
        self.case, self.benchmark = "", ""
        self.sections: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "TestCase":
                self.case, self.sections = attributes.get("name", ""), []
            case "Section":
                self.sections.append(attributes.get("name", ""))
            case "BenchmarkResults":
                self.benchmark = f"{self.case}/{attributes.get('name', '')}"
            case "mean":
                self._mean(attributes.get("value", ""))
            case "failed":
                self.found.unmeasured(self.benchmark, "failed", attributes.get("message"))

    def end(self, name: str) -> None:
        if name == "Section" and self.sections:
            self.sections.pop()

    def _mean(self, value: str) -> None:
        params = {"section": "/".join(self.sections)} if self.sections else {}
        self.found.add(self.benchmark, "time", "ns", [decimal(value)], params=params)
