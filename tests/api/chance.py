"""Requests by chance, out of what the API says of itself: mostly of what there is, right and wrong."""

import functools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.rights import Right
from app.web.api.operations import OPERATIONS, Given, Operation
from tests.api.service import PASSWORD
from tests.pages.site import native
from tests.pages.two_repositories import HIDDEN, OPEN

ODD_NAMES = ("nothing", "%20", "é", "x" * 300)
ODD_IDS = (0, 1, 2, 2**31 - 1)  # none that there is
ODD_TEXTS = (
    "",
    "main",
    "nucleo-f7",
    "release",
    "time",
    "desk",
    "x" * 600,
    "é\u202e",
    "a\0b",
    "-1",
    "2026-01-01T00:00:00Z",
)
NUMBERS = {"integer": (0, 1, 2, 5, -1, 2**63), "number": (0.5, 60.0, -1.0)}
OTHERS = {**NUMBERS, "boolean": (True, False), "null": (None,)}
FILES = (native("boot", 1.5, 1.6), b"", b"\0nothing", b"[]")

Names = Mapping[str, Sequence[Any]]  # by what a parameter is called: what there is


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request."""

    of: Operation
    parts: dict[str, Any]  # of the path, as they stand in it
    query: dict[str, Any]
    body: Any  # None: there is none
    data: bytes | None  # of an upload

    @property
    def path(self) -> str:
        """Write the path."""
        return re.sub(r"\{(\w+)\}", lambda found: str(self.parts[found[1]]), f"/api/v1{self.of.path}")

    @property
    def names(self) -> dict[str, Any]:
        """Give what query and body say, by name."""
        return {**self.query, **(self.body if isinstance(self.body, dict) else {})}

    def __str__(self) -> str:
        """Say it so that it can be asked again."""
        return f"{self.of.method} {self.path} {self.query or ''} {self.body or ''}"


class Chance:
    """Makes requests. The same seed and the same things make the same ones."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def often(self, share: float) -> bool:
        """Say yes in this share of cases."""
        return self._dice.random() < share

    def request(self, there: Names) -> Asked:
        """Make one; a login would count as a try, and a stream has no end."""
        of = self._dice.choice(_able())
        query = {
            name: value for name, value in self._given(of.query, there).items() if isinstance(value, str | int | float)
        }
        body = self._dice.choice((self._given(of.body, there),) * 4 + ([], "text")) if of.body else None
        data = self._dice.choice(FILES) if of.upload else None
        return Asked(of=of, parts=self._parts(of, there), query=query, body=body, data=data)

    def _parts(self, of: Operation, there: Names) -> dict[str, Any]:
        return {name: self._part(of, name, there) for name in re.findall(r"\{(\w+)\}", of.path)}

    def _part(self, of: Operation, name: str, there: Names) -> Any:
        called = of.path.split("/")[1] if name == "name" else name
        if called == "users" and of.right is Right.ADMINISTER:
            called = "others"  # who takes his own role away is refused from then on, and that is not what is tried
        known = there.get(called, ())
        odd = ODD_IDS if name.endswith("_id") or name == "number" else ODD_NAMES
        return self._dice.choice(known if known and self.often(0.9) else odd)

    def _given(self, kind: type[Given] | None, there: Names) -> dict[str, Any]:
        schema = _schema(kind) if kind else {}
        return self._object(schema, schema.get("$defs", {}), there)

    def _object(self, schema: dict[str, Any], shared: dict[str, Any], there: Names) -> dict[str, Any]:
        needed = schema.get("required", [])
        given = schema.get("properties", {}).items()
        chosen = {name: of for name, of in given if self.often(0.95 if name in needed else 0.25)}
        return {name: self._named(name, of, shared, there) for name, of in chosen.items()}

    def _named(self, name: str, schema: dict[str, Any], shared: dict[str, Any], there: Names) -> Any:
        known = there.get(name, ())
        return self._dice.choice(known) if known and self.often(0.8) else self._value(schema, shared, there)

    def _value(self, schema: dict[str, Any], shared: dict[str, Any], there: Names) -> Any:
        if "$ref" in schema:
            return self._value(shared[schema["$ref"].rpartition("/")[2]], shared, there)
        if "anyOf" in schema:
            return self._value(self._dice.choice(schema["anyOf"]), shared, there)
        if "enum" in schema:
            return self._dice.choice(schema["enum"])
        kind = schema.get("type", "")
        if kind == "array":
            return [self._value(schema.get("items", {}), shared, there) for _ in range(self._dice.randrange(3))]
        if kind == "object":
            return self._object(schema, shared, there)
        return self._dice.choice(OTHERS.get(kind, ODD_TEXTS))


@functools.cache
def _able() -> list[Operation]:
    return [each for each in OPERATIONS if each.path != "/login" and not each.path.endswith("/stream")]


@functools.cache
def _schema(kind: type[Given]) -> dict[str, Any]:
    return kind.model_json_schema()


WORDS: Names = {  # that a query or a body may say of the two repositories
    "repository": [OPEN.full_name, HIDDEN.full_name],
    "full_name": [OPEN.full_name, HIDDEN.full_name, "acme/other"],
    "commit": [OPEN.sha(1), OPEN.sha(2)],
    "base": [OPEN.sha(1)],
    "head": [OPEN.sha(2)],
    "good": [OPEN.sha(1)],
    "bad": [OPEN.sha(2)],
    "sha": [OPEN.sha(4)],
    "remote_url": ["https://git.example/acme/app.git"],
    "branch": ["main"],
    "password": [PASSWORD],
    "benchmark": [f"{OPEN.word}/boot"],
    "format": ["native"],
    "clone_url": ["https://git.example/acme/other.git"],
    "address": ["https://hooks.example/x", "ada@example.org"],
    "boards": [[], ["nucleo-1"]],
    "tags": [[]],
    "configurations": [[], ["release"]],
    "builder": ["lab-1"],
}
