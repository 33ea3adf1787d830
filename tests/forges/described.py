"""Check requests with GitHub's published description of its REST API."""

import json
import re
from pathlib import Path

import jsonschema

from integrations.fake.server import GITHUB

OPENAPI = json.loads(Path(__file__).with_name("github-openapi.json").read_text())
_WITH_SLASHES = ("path", "ref", "basehead")  # of a file, of a branch


def _pattern(template):
    return re.sub(r"\{(\w+)\}", lambda name: ".+" if name[1] in _WITH_SLASHES else "[^/]+", template)


_KNOWN = [
    (method.upper(), re.compile(_pattern(template)), operation)
    for template, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
]


def assert_described(call):
    """Insist that GitHub describes such a request: its path, its query and its body."""
    assert call.path.startswith(GITHUB + "/")
    path = call.path.removeprefix(GITHUB)
    known = [operation for method, pattern, operation in _KNOWN if method == call.method and pattern.fullmatch(path)]
    assert len(known) == 1, f"{call.method} {path} is not described"
    allowed = {each["name"] for each in known[0]["parameters"] or () if each["in"] == "query"}
    assert set(call.query) <= allowed, f"{call.method} {path} has no query {set(call.query) - allowed}"
    if known[0]["requestBody"]:
        schema = known[0]["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(call.body, {**schema, "additionalProperties": False})
    assert call.headers["accept"].startswith("application/vnd.github")
    assert call.headers["user-agent"] == "rigline"


def assert_all_described(calls):
    """Insist on it for each request that went to GitHub."""
    for call in calls:
        if call.path.startswith(GITHUB + "/"):
            assert_described(call)
