"""Apply a regular expression to lines, as a process of its own that may be slow or large only so far.

Reads `{"pattern", "text"}` and prints `{"matches": [{group: text}], "ignored": lines}` or `{"problem"}`. Imports
only the standard library: it is started without the service's packages.
"""

import json
import re
import resource
import sys

PROCESSOR_S = 1
MEMORY = 256 << 20  # bytes of address space
MOST_MATCHES = 20_000
LONGEST_GROUP = 500  # characters


def main() -> None:
    """Limit this process, then do what standard input asks."""
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = json.load(sys.stdin)
    json.dump(answer(order["pattern"], order["text"]), sys.stdout)


def answer(pattern: str, text: str) -> dict[str, object]:
    """Find all matches, line by line."""
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        return {"problem": str(problem)}
    matches: list[dict[str, str | None]] = []
    ignored = 0
    for line in text.splitlines():
        before = len(matches)
        for found in compiled.finditer(line):
            groups = found.groupdict().items()
            matches.append({name: None if value is None else value[:LONGEST_GROUP] for name, value in groups})
            if len(matches) > MOST_MATCHES:
                return {"problem": f"it matches more than {MOST_MATCHES} times"}
        ignored += len(matches) == before
    return {"matches": matches, "ignored": ignored}


if __name__ == "__main__":
    main()
