"""hyperfine: what `--export-json FILE` writes."""

from collections.abc import Mapping
from typing import Any

from app.results.collecting import Collected
from app.results.file import File, items, members, objects
from app.results.parsed import Parsed

FORMAT = "hyperfine"


def recognise(file: File) -> bool:
    """Know it by `results` whose rows have a command and a median or times."""
    match file.document:
        case {"results": [{"command": str(), "median": _}, *_]} | {"results": [{"command": str(), "times": _}, *_]}:
            return True
    return False


def parse(file: File) -> Parsed:
    """Take the time of each run in seconds, and the peak memory in bytes where it is told.

    A command with an exit code other than 0 has failed, also if hyperfine was told to go on.
    """
    found = Collected(file)
    for row in objects(members(file.document).get("results")):
        _take(found, row)
    return found.parsed()


def _take(found: Collected, row: Mapping[str, Any]) -> None:
    failure = next((code for code in items(row.get("exit_codes")) if code != 0), 0)
    if failure != 0:
        why = "ended by a signal" if failure is None else f"exit code {failure}"
        found.unmeasured(row.get("command"), "failed", why)
        return
    params = members(row.get("parameters"))
    found.add(row.get("command"), "time", "s", items(row.get("times")) or [row.get("median")], params=params)
    memory = items(row.get("memory_usage_byte"))
    if memory:
        found.add(row.get("command"), "memory", "B", memory, params=params)
