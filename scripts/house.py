"""Check the rules of the house that no linter knows: sizes, lock files, unfinished work. Exits 1 on a finding."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MODULE, LONGEST_FUNCTION = 400, 40  # lines
LONGEST_TESTS = 700  # lines: the tests of one noun are read a story at a time
WITHOUT_LIMITS = (
    "app/db/migrations/versions/",  # generated, read once, never changed
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|pytest\.(skip|xfail)|mark\.(skip|xfail)")
LOCK_FILES = (
    "requirements.lock",
    "requirements-server.lock",
    "requirements-crosscheck.lock",
    "uv.lock",
    "pylock.toml",
    "package-lock.json",
)
MACHINE_PATHS = re.compile(r"/(home|root)/\w+/|/work/")


def main() -> int:
    """Print every finding; return the exit status."""
    files = tracked()
    found = [*sizes(files), *unfinished(files), *locks(files)]
    for finding in found:
        print(finding)
    return 1 if found else 0


def tracked() -> list[str]:
    """List what is in the repository and what could be added to it."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in said.splitlines() if (ROOT / name).is_file()]


def sizes(files: list[str]) -> Iterator[str]:
    """Find modules and functions that are too long."""
    for name in files:
        if not name.endswith(".py") or name.startswith(WITHOUT_LIMITS):
            continue
        text = (ROOT / name).read_text()
        lines = text.count("\n")
        longest = LONGEST_TESTS if name.startswith("tests/") else LONGEST_MODULE
        if lines > longest:
            yield f"{name}: {lines} lines; at most {longest}"
        for node in ast.walk(ast.parse(text, name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{name}:{node.lineno}: {node.name} has {length} lines; at most {LONGEST_FUNCTION}"


def unfinished(files: list[str]) -> Iterator[str]:
    """Find marks of unfinished work, and paths that exist on one machine only."""
    for name in files:
        if not name.endswith((".py", ".html", ".css", ".js")) or name == "scripts/house.py":
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            if UNFINISHED.search(line) or MACHINE_PATHS.search(line):
                yield f"{name}:{number}: {line.strip()}"


def locks(files: list[str]) -> Iterator[str]:
    """Find addresses in lock files: they would tie every user to one index."""
    for name in files:
        if Path(name).name in LOCK_FILES and "://" in (ROOT / name).read_text():
            yield f"{name} holds an address"


if __name__ == "__main__":
    sys.exit(main())
