"""LNT: a report of format version 2, as its test suites submit it."""

from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, members, objects
from app.results.parsed import Parsed

FORMAT = "lnt"

# The metrics of LNT's own suites. Those of others have no unit here; their direction is the configuration's.
_KNOWN = {
    "execution_time": ("s", "lower"), "compile_time": ("s", "lower"), "code_size": ("B", "lower"),
    "mem_bytes": ("B", "lower"), "mem": ("B", "lower"), "score": ("", "higher"),
}  # fmt: skip
_STATUSES = ("execution_status", "compile_status")  # 0 is passed, 1 failed, 2 expected to fail


def recognise(file: File) -> bool:
    """Know it by its version beside machine and tests."""
    match file.document:
        case {"format_version": "2" | 2, "tests": [*_]}:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take each numeric metric of each test, lists as samples. A test whose status is not 0 was not measured."""
    found = Collected(file)
    document = members(file.document)
    found.facts(document.get("machine"), ("os", "hardware"))
    for test in objects(document.get("tests")):
        failed = next((status for status in _STATUSES if test.get(status)), None)
        if failed is None:
            _take(found, test)
        else:
            found.unmeasured(test.get("name"), "failed", f"{failed} {test[failed]}")
    return found.parsed()


def _take(found: Collected, test: Mapping[str, Any]) -> None:
    for metric, value in test.items():
        if metric in ("name", *_STATUSES) or not isinstance(value, int | float | list):
            continue
        unit, better = _KNOWN.get(metric, ("", None))
        found.add(test.get("name"), metric, unit, value if isinstance(value, list) else [value], better=better)
