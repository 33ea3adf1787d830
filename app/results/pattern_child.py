"""Apply a regular expression to lines, as a process of its own that may be slow or large only so far.

Reads a line with the pattern as JSON, then the text, and prints `{"matches": [{group: text}], "ignored": lines}` or
`{"problem": why}`. Imports only the standard library: it is started without the service's packages.
"""

import json
import re
import resource
import sys

PROCESSOR_S = 1
MEMORY = 256 << 20  # bytes of address space
MOST_MATCHES = 20_000
MOST_LINES = 200_000
LONGEST_LINE = 4_000  # characters
LONGEST_GROUP = 500  # characters
MOST_TEXT = 4 << 20  # characters of all groups together

Groups = dict[str, str | None]


class TooMuch(Exception):
    """The pattern finds more than one file may hold."""


def main() -> None:
    """Limit this process, then do what standard input asks."""
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pattern = json.loads(sys.stdin.buffer.readline())
    json.dump(answer(pattern, sys.stdin.buffer.read()), sys.stdout)


def answer(pattern: str, data: bytes) -> dict[str, object]:
    """Find all matches, line by line; lines without one are counted, blank ones are not."""
    if data.count(b"\n") > MOST_LINES:
        return {"problem": f"the file has more than {MOST_LINES} lines"}
    try:
        compiled = re.compile(pattern)
        return _matches(compiled, data)
    except (re.error, OverflowError, RecursionError, TooMuch) as problem:
        return {"problem": f"the pattern is wrong: {problem}"}


def _matches(compiled: re.Pattern[str], data: bytes) -> dict[str, object]:
    matches: list[Groups] = []
    ignored = size = 0
    for raw in data.split(b"\n"):
        line = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", raw[: 4 * LONGEST_LINE].decode(errors="replace"))[:LONGEST_LINE]
        before = len(matches)
        for found in compiled.finditer(line.rstrip()) if line.strip() else ():
            matches.append(_groups(found))
            size += sum(len(text or "") + len(name) for name, text in matches[-1].items())
            if len(matches) > MOST_MATCHES or size > MOST_TEXT:
                raise TooMuch("it matches more than one file may hold")
        ignored += len(matches) == before and bool(line.strip())
    return {"matches": matches, "ignored": ignored}


def _groups(found: re.Match[str]) -> Groups:
    return {name: None if text is None else text[:LONGEST_GROUP] for name, text in found.groupdict().items()}


if __name__ == "__main__":
    main()
