"""Lists of cases with the tests that show them: the tests of a list exist."""

import ast
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

TESTS = Path(__file__).parent
Shown = Sequence[tuple[str, str]]  # the file below `tests`, and the test in it


def missing(shown: Shown) -> list[tuple[str, str]]:
    """List the tests that are not where the list says."""
    return [(file, name) for file, name in shown if name not in names_in(file)]


def numbers(cases: Mapping[str, Shown]) -> list[int]:
    """Give the numbers of the cases, which are their first words."""
    return [int(each.partition(" ")[0].lstrip("S")) for each in cases if cases[each]]


@functools.cache
def names_in(file: str) -> frozenset[str]:
    """List the tests of a file."""
    found = ast.walk(ast.parse((TESTS / file).read_text()))
    return frozenset(each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
