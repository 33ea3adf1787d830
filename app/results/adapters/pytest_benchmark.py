"""pytest-benchmark: what `--benchmark-json=FILE` writes, with or without `--benchmark-save-data`."""

from app.results.collecting import Collected
from app.results.file import File, members, objects
from app.results.parsed import Parsed

FORMAT = "pytest-benchmark"

_FACTS = ("python_implementation", "python_version", "machine", "system")


def recognise(file: File) -> bool:
    """Know it by `machine_info`; its `version` is a text, and the native file's a number."""
    match file.document:
        case {"machine_info": {}, "benchmarks": [*_]}:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take the time of each round, in seconds; without the data the median is the one sample.

    The parameters of a test stand in its full name. They are not taken apart: some are texts with an
    address in memory, which would start a new series every time.
    """
    found = Collected(file)
    document = members(file.document)
    found.facts(document.get("machine_info"), _FACTS)
    for row in objects(document.get("benchmarks")):
        name = row.get("fullname") or row.get("name")
        stats = members(row.get("stats"))
        found.add(name, "time", "s", stats.get("data") or [stats.get("median")])
    return found.parsed()
