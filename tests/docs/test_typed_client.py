"""The typed client says what the API does."""

import app.web.api  # noqa: F401  # declares the operations
from app.client import Client
from app.web.api.described import document
from app.web.api.operations import OPERATIONS
from scripts.write_client import FOLDER, formatted, written


def test_the_typed_client_is_as_the_api_is_or_make_format_writes_it_anew() -> None:
    stale = [
        name
        for name, text in written(document()).items()
        if formatted(text, FOLDER / name) != (FOLDER / name).read_text()
    ]

    assert stale == []


def test_the_client_has_a_method_for_every_operation() -> None:
    assert [each.name for each in OPERATIONS if not callable(getattr(Client, each.name, None))] == []
