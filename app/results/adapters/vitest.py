"""Vitest: what `vitest bench --outputJson FILE` writes.

Samples are in the file only with `benchmark.includeSamples`; else the median is the one sample.
"""

from app.results.collecting import Collected
from app.results.file import File, items, members, objects
from app.results.parsed import Parsed

FORMAT = "vitest"


def recognise(file: File) -> bool:
    """Know it by files with groups."""
    match file.document:
        case {"files": [{"groups": [*_]}, *_]}:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take times in ms, under the names that Vitest shows: file, groups and benchmark with ` > ` between them."""
    found = Collected(file)
    for each in objects(members(file.document).get("files")):
        for group in objects(each.get("groups")):
            for row in objects(group.get("benchmarks")):
                name = f"{group.get('fullName', '')} > {row.get('name', '')}"
                value = row.get("mean") if row.get("median") is None else row.get("median")
                found.add(name, "time", "ms", items(row.get("samples")) or [value])
    return found.parsed()
