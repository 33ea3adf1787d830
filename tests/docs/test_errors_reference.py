"""The table of errors is the code's."""

import re
from pathlib import Path

import app.main
import app.web.api  # noqa: F401  # declares the operations
from app.web.api import refusals
from app.web.api.described import document
from app.web.api.operations import OPERATIONS

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
OF_THE_FRAMEWORK = {("400", "bad_request"), ("405", "method_not_allowed")}


def _written() -> set[tuple[str, str]]:
    return set(re.findall(r"^\| (\d+) \| `(\w+)` \|", TABLE.read_text(), re.MULTILINE))


def test_every_code_is_in_the_table_with_its_status() -> None:
    known = {(str(each.status.value), code) for code, each in refusals.kinds().items()}

    assert known | OF_THE_FRAMEWORK == _written()


def test_every_operation_tells_the_codes_that_it_may_refuse_with() -> None:
    paths = document()["paths"]
    for each in OPERATIONS:
        answers = paths[f"/api/v1{each.path}"][each.method.lower()]["responses"]
        told = {
            code: int(status)
            for status, answer in answers.items()
            if status.isdigit() and int(status) >= 400
            for code in answer["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"][
                "properties"
            ]["code"]["enum"]
        }
        assert told == refusals.of(each), each.name
        assert each.right is None or {"unauthorized", "forbidden"} <= set(told), each.name
