"""Chance asks everything of everybody: no fault of ours, no answer that is not described, nobody does what he may not.

`make test-all` asks 20,000 times under each role.
"""

import functools
import random
import re
from typing import Any

import jsonschema
import pytest

from app.rights import RIGHTS, Right, Role
from app.web.api.described import document
from app.web.api.operations import OPERATIONS, Operation
from tests.api.service import HASH, Service

USUAL, LONG = 40, 20_000  # requests under each role
TELLTALE = re.compile(r"wombat|facade")
TEXTS = (
    "",
    "acme/open",
    "wombat/firmware",
    "nucleo",
    "desk",
    "ada",
    HASH,
    "facade" * 7,
    "x" * 600,
    "é\u202e",
    "a\0b",
    "-1",
)
JSON = "application/json"
ASKS_A_FORGE = 503  # nobody answers there in a test


class Chance:
    """Makes requests out of what the API says of itself."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def operation(self) -> Operation:
        """Choose one; a login would count as a try, and a stream has no end."""
        able = [each for each in OPERATIONS if each.path != "/login" and not each.path.endswith("/stream")]
        return self._dice.choice(able)

    def path(self, of: Operation) -> str:
        """Fill in what the path names: mostly what there is."""
        return re.sub(r"\{(\w+)\}", lambda found: self._part(found[1]), of.path)

    def _part(self, name: str) -> str:
        if name.endswith("_id") or name == "number":
            return str(self._dice.choice((*range(8), 2**31 - 1)))
        return self._dice.choice(("shelf", "desk", "ada", "bob", "nothing", "%20", "é"))

    def query(self, of: Operation) -> dict[str, Any]:
        """Give some parameters, right and wrong."""
        schema = of.query.model_json_schema() if of.query else {}
        made = self._object(schema, schema.get("$defs", {}))
        return {name: value for name, value in made.items() if isinstance(value, str | int | float)}

    def body(self, of: Operation) -> Any:
        """Make a body, right and wrong; no password, whose hash takes long."""
        if of.body is None:
            return None
        schema = of.body.model_json_schema()
        made = self._object(schema, schema.get("$defs", {}))
        made.pop("password", None)
        return self._dice.choice((made, made, made, [], "text"))

    def _object(self, schema: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
        needed = schema.get("required", [])
        given = schema.get("properties", {}).items()
        chosen = {name: of for name, of in given if self._dice.random() < (0.9 if name in needed else 0.3)}
        return {name: self._value(of, shared) for name, of in chosen.items()}

    def _value(self, schema: dict[str, Any], shared: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return self._value(shared[schema["$ref"].rpartition("/")[2]], shared)
        if "anyOf" in schema:
            return self._value(self._dice.choice(schema["anyOf"]), shared)
        if "enum" in schema:
            return self._dice.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "array":
            return [self._value(schema.get("items", {}), shared) for _ in range(self._dice.randrange(3))]
        if kind == "object":
            return self._object(schema, shared)
        numbers = {"integer": (0, 1, 2, 5, -1, 2**63), "number": (0.5, 60.0, -1.0)}
        return self._dice.choice({**numbers, "boolean": (True, False), "null": (None,)}.get(kind or "", TEXTS))


@functools.cache
def validator(of: Operation, status: str) -> jsonschema.Draft202012Validator | None:
    """Give what checks an answer; None where it is not JSON."""
    answers = document()["paths"][f"/api/v1{of.path}"][of.method.lower()]["responses"]
    content = answers.get(status, answers["default"]).get("content", {})
    schema = content.get(JSON, {}).get("schema")
    whole = {**schema, "components": document()["components"]} if schema else None
    return jsonschema.Draft202012Validator(whole) if whole else None


async def scene(service: Service) -> None:
    """Put a public and a private repository there, each with an ended and an open job."""
    builder = await service.builder()
    for number, (name, commit) in enumerate((("acme/open", HASH), ("wombat/firmware", "facade" * 6 + "abcd"))):
        told = {"forge": "github", "full_name": name, "id": number + 1, "private": bool(number)}
        (await service.local.post("/repositories", json=told)).raise_for_status()
        body = {"kind": "run", "commit": commit, "repository": name}
        for _ in range(2):
            (await service.local.post("/pipelines", json=body)).raise_for_status()
        await builder.work(log=b"wombat\n" if number else b"open\n")


@pytest.mark.parametrize("role", [*Role, "nobody"])
async def test_chance_finds_no_fault_and_no_way_around_the_table(service: Service, role: str, campaign: int) -> None:
    await scene(service)
    may = RIGHTS[Role(role)] if role != "nobody" else frozenset()
    token = {} if role == "nobody" else {"Authorization": f"Bearer {await service.token(role, 'bob')}"}
    chance, found = Chance(len(role)), []

    for _ in range(USUAL if campaign == 1 else LONG):
        of = chance.operation()
        path, query, body = chance.path(of), chance.query(of), chance.body(of)
        more = {"json": body} if body is not None else {}
        answer = await service.web.request(of.method, path, params=query, headers=token, **more)
        found += wrong(of, answer, may, is_nobody=role == "nobody")
        if token and answer.status_code == 401:  # it took its own token or account away
            token = {"Authorization": f"Bearer {await service.token(role)}"}

    assert found == []


def wrong(of: Operation, answer: Any, may: frozenset[Right], *, is_nobody: bool) -> list[str]:
    """Say what is wrong with an answer."""
    status, asked = answer.status_code, f"{of.method} {answer.request.url}: {answer.status_code}"
    found = []
    if status >= 500 and status != ASKS_A_FORGE:
        found.append(f"{asked}: a fault of ours: {answer.text[:200]}")
    if of.right is not None and of.right not in may and status not in ((401,) if is_nobody else (401, 403, 404)):
        found.append(f"{asked}: {of.right} is not among its rights")
    if of.right in may and status == 403 and of.right is not Right.ACCOUNT:
        found.append(f"{asked}: refused, though {of.right} is among its rights")
    checks = validator(of, str(status)) if answer.headers.get("content-type", "").startswith(JSON) else None
    if checks is not None:
        found += [f"{asked}: {each.message[:200]}" for each in checks.iter_errors(answer.json())]
    echoed = str(answer.request.url)
    if is_nobody and not TELLTALE.search(echoed) and TELLTALE.search(answer.text) and of.method == "GET":
        found.append(f"{asked}: tells of what is private")
    return found
