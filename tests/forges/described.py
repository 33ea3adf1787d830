"""Check requests with GitHub's published description of its REST API."""

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema

from integrations.fake.server import GITHUB
from integrations.fake.world import Call, World

_FILE = Path(__file__).with_name("github-openapi.json")
_take = World.take
_WITH_SLASHES = ("path", "ref", "basehead")  # of a file, of a branch


@contextmanager
def watched() -> Iterator[list[str]]:
    """Check every request that reaches any GitHub in memory of this process; give what is wrong with them.

    Also requests whose answer gets lost, and those of child processes. Within another `watched`, this one alone counts.
    """
    wrong: list[str] = []

    def check(world: World, call: Call) -> None:
        _take(world, call)
        try:
            if call.path.startswith(f"{GITHUB}/"):
                assert_described(call)
        except (AssertionError, jsonschema.ValidationError) as problem:
            wrong.append(f"{call.method} {call.path}: {problem}")

    with mock.patch.object(World, "take", check):
        yield wrong


def assert_described(call: Call) -> None:
    """Insist that GitHub describes such a request: its path, its query and its body."""
    assert call.path.startswith(GITHUB + "/")
    path = call.path.removeprefix(GITHUB)
    known = [operation for method, pattern, operation in _known() if method == call.method and pattern.fullmatch(path)]
    assert len(known) == 1, "is not described"
    allowed = {each["name"] for each in known[0]["parameters"] or () if each["in"] == "query"}
    assert set(call.query) <= allowed, f"has no query {set(call.query) - allowed}"
    if known[0]["requestBody"]:
        _validator(known[0]["operationId"]).validate(call.body)
    assert call.headers["accept"].startswith("application/vnd.github")
    assert call.headers["user-agent"] == "rigline"


@functools.cache
def _known() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    described = json.loads(_FILE.read_text())["paths"]
    return [
        (method.upper(), re.compile(_pattern(template)), operation)
        for template, methods in described.items()
        for method, operation in methods.items()
    ]


def _pattern(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: ".+" if name[1] in _WITH_SLASHES else "[^/]+", template)


@functools.cache
def _validator(operation_id: str) -> jsonschema.Draft202012Validator:
    [operation] = [each for _, _, each in _known() if each["operationId"] == operation_id]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "additionalProperties": False})
