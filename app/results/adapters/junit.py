"""JUnit XML: how long tests took, which failed, and numbers that a test tells as properties.

There is no schema that all tools keep; what is read here is what they have in common.
"""

from collections.abc import Mapping

from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.markup import walk
from app.results.parsed import Parsed

FORMAT = "junit"

_METRIC = "metric:"  # `metric:<name>:<unit>` is the name of a property that is measured


def recognise(file: File) -> bool:
    """Know it by the root element."""
    return file.root in ("testsuites", "testsuite")


def parse(file: File) -> Parsed:
    """Take the time of each test that passed, in seconds, as `classname/name`, and the metrics of its properties.

    A failed or skipped test has its reason and no measurement. Properties of a suite belong to the suite.
    """
    reader = _Reader(Collected(file))
    walk(file.data, reader.start, reader.end)
    reader.found.facts(reader.counts, reader.counts)
    return reader.found.parsed(may_be_empty=reader.counts["tests"] > 0)


class _Reader:
    def __init__(self, found: Collected) -> None:
        self.found = found
        self.counts = {"tests": 0, "failed": 0, "skipped": 0}
        self.suites: list[str] = []
        self.case: Mapping[str, str] | None = None
        self.ended: tuple[str, str] | None = None  # how a test that did not pass ended, and why
        self.numbers: list[tuple[str, str, float | None]] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "testsuite":
                self.suites.append(attributes.get("name", ""))
            case "testcase":
                self.case, self.ended, self.numbers = attributes, None, []
            case "failure" | "error":
                self.ended = ("failed", attributes.get("message") or attributes.get("type") or "")
            case "skipped":
                self.ended = self.ended or ("skipped", attributes.get("message", ""))
            case "property":
                self._property(attributes.get("name", ""), attributes.get("value", ""))

    def end(self, name: str) -> None:
        if name == "testcase" and self.case is not None:
            self._test(self.case)
            self.case = None
        elif name == "testsuite" and self.suites:
            self.suites.pop()

    def _property(self, name: str, value: str) -> None:
        if not name.startswith(_METRIC):
            return
        metric, _, unit = name.removeprefix(_METRIC).partition(":")
        if self.case is not None:
            self.numbers.append((metric, unit, decimal(value)))
        else:
            self.found.add(self.suites[-1] if self.suites else "", metric, unit, [decimal(value)])

    def _test(self, case: Mapping[str, str]) -> None:
        benchmark = "/".join(filter(None, (case.get("classname"), case.get("name"))))
        self.counts["tests"] += 1
        if self.ended:
            status, reason = self.ended
            self.counts[status] += 1
            self.found.unmeasured(benchmark, status, reason)
            return
        if "time" in case:
            step = 10.0 ** -len(case["time"].partition(".")[2][:9])
            self.found.add(benchmark, "time", "s", [decimal(case["time"])], resolution=step)
        for metric, unit, value in self.numbers:
            self.found.add(benchmark, metric, unit, [value])
