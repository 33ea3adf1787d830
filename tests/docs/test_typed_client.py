"""The typed client asks, and is answered, as the description of the API says."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict
from urllib.parse import parse_qsl

import httpx2
import pytest

import app.web.api  # noqa: F401  # declares the operations
from app.client import Client, Event, Place, answers
from app.client.asking import Asking
from app.web.api.described import document

Json = dict[str, Any]

SCHEMAS: Json = document()["components"]["schemas"]
OPERATIONS: dict[str, tuple[str, str, Json]] = {
    each["operationId"]: (method.upper(), path, each)
    for path, methods in document()["paths"].items()
    for method, each in methods.items()
}
METHODS = sorted(name for name in dir(Client) if not name.startswith("_") and not hasattr(Asking, name))
WORDS = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null", Any: "anything"}
SAMPLES = {"string": "a/b c", "integer": 7, "number": 1.5, "boolean": True}
FILE = "application/octet-stream"
NO_EVENT = b"event: end\ndata: {}\n\n"


def of_python(kind: Any) -> set[str]:
    """Say what a value of a type may be."""
    inner = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return set().union(*map(of_python, inner))
    if get_origin(kind) is Literal:
        return set(map(repr, inner))
    if get_origin(kind) is list:
        return {f"list of {sorted(of_python(inner[0]))}"}
    if get_origin(kind) in (dict, Mapping):
        return {f"object of {sorted(of_python(inner[1]))}"}
    return {kind.__name__} if is_typeddict(kind) else {WORDS[kind]}


def of_schema(schema: Json) -> set[str]:
    """Say the same of a schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {name} if "properties" in SCHEMAS[name] else of_schema(SCHEMAS[name])
    if "anyOf" in schema:
        return set().union(*map(of_schema, schema["anyOf"]))
    if "enum" in schema:
        return set(map(repr, schema["enum"]))
    if schema.get("type") == "array":
        return {f"list of {sorted(of_schema(schema['items']))}"}
    if schema.get("type") == "object":
        values = schema.get("additionalProperties", True)
        return {f"object of {sorted(of_schema({} if values is True else values))}"}
    return {schema.get("type", "anything")}


@dataclass(frozen=True, kw_only=True)
class Given:
    """A parameter: what it may be, whether it must be given, and what counts else."""

    kinds: set[str]
    is_required: bool
    default: Any = None


def parameters(name: str) -> dict[str, Given]:
    """List what a method takes, but for how many items of a list."""
    method = getattr(Client, name)
    hints, found = get_type_hints(method), dict[str, Given]()
    for each in list(inspect.signature(method).parameters.values())[1:]:
        if each.kind is each.VAR_KEYWORD:
            [words] = get_args(hints[each.name])
            more = get_type_hints(words).items()
            found |= {one: Given(kinds=of_python(kind), is_required=False) for one, kind in more}
        elif each.name == "data":
            found["data"] = Given(kinds={FILE}, is_required=True)
        elif each.name != "most":
            is_required = each.default is each.empty
            kinds = of_python(hints[each.name])
            found[each.name] = Given(
                kinds=kinds, is_required=is_required, default=None if is_required else each.default
            )
    return found


def described(name: str) -> dict[str, Given]:
    """List what an operation takes: parts of its path, parameters of its query, and its body."""
    _, _, each = OPERATIONS[name]
    found = {
        one["name"]: Given(
            kinds=of_schema(one["schema"]), is_required=one["required"], default=one["schema"].get("default")
        )
        for one in each["parameters"]
        if one["in"] != "header"
    }
    content = each.get("requestBody", {}).get("content", {})
    if FILE in content:
        found["data"] = Given(kinds={FILE}, is_required=True)
    body = (
        SCHEMAS[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        if "application/json" in content
        else {}
    )
    for key, schema in body.get("properties", {}).items():
        found[key] = Given(
            kinds=of_schema(schema), is_required=key in body.get("required", []), default=schema.get("default")
        )
    return found


def answered(name: str) -> str:
    """Say what an operation answers."""
    _, _, each = OPERATIONS[name]
    [content] = [answer["content"] for status, answer in each["responses"].items() if status.startswith("2")]
    if "application/json" not in content:
        return "events" if "text/event-stream" in content else "bytes"
    named: str = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    page = SCHEMAS[named]["properties"].get("items", {}).get("items", {}).get("$ref", "")
    return f"pages of {page.rpartition('/')[2]}" if named.startswith("Page_") else named


def returned(name: str) -> str:
    """Say what a method gives."""
    kind = get_type_hints(getattr(Client, name))["return"]
    if kind is bytes:
        return "bytes"
    if get_origin(kind) is Iterator:
        [item] = get_args(kind)
        return "events" if item is Event else f"pages of {item.__name__}"
    return str(kind.__name__)


def test_every_typed_method_is_an_operation_and_what_programs_need_is_among_them() -> None:
    assert set(METHODS) <= set(OPERATIONS)
    assert {"dispatch", "show_pipeline", "list_jobs", "stream_log", "list_boards", "list_points"} <= set(METHODS)


def test_the_reference_names_every_typed_method() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "client.md").read_text()

    assert [name for name in METHODS if not re.search(rf"`{name}\b", text)] == []


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_its_operation_takes(name: str) -> None:
    ours, theirs = parameters(name), described(name)

    assert set(ours) <= set(theirs)
    assert {each for each, given in theirs.items() if given.is_required} <= set(ours)
    for key, given in ours.items():
        assert given.kinds - {"null"} <= theirs[key].kinds, key
        assert not theirs[key].is_required or given.is_required or given.default, key
        assert given.default in (None, theirs[key].default) or theirs[key].is_required, key


@pytest.mark.parametrize("name", METHODS)
def test_a_method_gives_what_its_operation_answers(name: str) -> None:
    assert returned(name) == answered(name)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_sends_the_request_of_its_operation(name: str) -> None:
    method, path, each = OPERATIONS[name]
    given = {key: _sample(one) for key, one in parameters(name).items()}
    [request] = _requests(name, given)

    places = {one["name"]: one["in"] for one in each["parameters"]}
    parts = {key: value for key, value in given.items() if places.get(key) == "path"}
    query = {key: _in_words(value) for key, value in given.items() if places.get(key) == "query"}
    body = {key: value for key, value in given.items() if key not in places and key != "data"}
    paged = {"limit": "200"} if returned(name).startswith("pages of ") else {}
    assert (request.method, request.url.raw_path.decode().partition("?")[0]) == (method, _filled(path, parts))
    assert dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)) == query | paged
    assert request.content == given.get("data", request.content)
    assert body == ({} if "data" in given or not request.content else json.loads(request.content))


def _sample(given: Given) -> Any:
    [word, *_] = sorted(given.kinds - {"null"})
    if word == FILE:
        return b"a file"
    if word.startswith("list of "):
        return ["a"]
    if word.startswith("object of "):
        return {"a": "b"}
    return word.strip("'") if word.startswith("'") else SAMPLES[word]


def _in_words(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _filled(path: str, parts: Json) -> str:
    for key, value in parts.items():
        path = path.replace(f"{{{key}}}", str(value).replace("/", "%2F").replace(" ", "%20"))
    return path


def _requests(name: str, given: Json) -> list[httpx2.Request]:
    """Call a method, and catch what it sends."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if request.url.path.endswith("/stream"):
            return httpx2.Response(200, content=NO_EVENT)
        return httpx2.Response(200, json={"items": [], "next": None})

    with Client(Place()) as client:
        client._connection.http = httpx2.Client(base_url="http://rigline", transport=httpx2.MockTransport(answer))
        told = getattr(client, name)(**given)
        if isinstance(told, Iterator):
            assert list(told) == []
    return seen


@pytest.mark.parametrize("name", answers.__all__)
def test_a_typed_answer_has_the_keys_that_the_description_names(name: str) -> None:
    kind, schema = getattr(answers, name), SCHEMAS[name]
    hints = get_type_hints(kind)  # without what marks a key as optional
    described_keys = {key: of_schema(schema["properties"][key]) for key in hints if key in schema["properties"]}

    assert {key: of_python(each) for key, each in hints.items()} == described_keys
    assert kind.__required_keys__ == set(schema.get("required", ())) & set(hints)


def test_an_optional_key_is_marked_where_it_stands() -> None:
    """TypedDict sees the mark only if it is no text: no `from __future__ import annotations` there."""
    hints = get_type_hints(answers.JobTold, include_extras=True)

    assert get_origin(hints["waits"]) is NotRequired
    assert "waits" not in answers.JobTold.__required_keys__
