"""The reference of rights says what the table in the code says."""

import re
from pathlib import Path

from app.rights import RIGHTS, Right
from app.web.api import api  # noqa: F401  # declares the operations
from app.web.api.operations import OPERATIONS

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_has_each_role_with_exactly_its_rights() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([\w, ]+) \|$", (DOCS / "rights.md").read_text(), re.MULTILINE)

    assert {role: set(rights.split(", ")) for role, rights in rows} == RIGHTS


def test_the_reference_explains_each_right_and_no_other() -> None:
    explained = re.findall(r"^\| `(\w+)` \| [A-Z]", (DOCS / "rights.md").read_text(), re.MULTILINE)

    assert explained == list(Right)


def test_the_reference_of_operations_names_the_right_that_each_needs() -> None:
    written = dict(re.findall(r"^\| `(\w+ [^`]+)` \| (\w+) \|", (DOCS / "http-api.md").read_text(), re.MULTILINE))
    needed = {f"{each.method} {each.path}": each.right or "everybody" for each in OPERATIONS}

    assert {call: who for call, who in written.items() if call in needed} == needed
