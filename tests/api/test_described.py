"""/openapi.json says what the service does, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from quart import Quart

from app.web.api.described import document
from app.web.api.operations import OPERATIONS, api
from tests.api.service import HASH, REMOTE, Service

# What the specification of OpenAPI 3.1.0 requires of an operation, in our words (4.8.10 to 4.8.17).
OPERATION = {
    "type": "object",
    "required": ["operationId", "responses", "tags", "summary", "description"],
    "additionalProperties": False,
    "properties": {
        "operationId": {"type": "string", "pattern": "^[a-z_]+$"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "summary": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "security": {"type": "array", "items": {"type": "object"}},
        "parameters": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "in", "schema"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "in": {"enum": ["path", "query", "header"]},
                    "required": {"type": "boolean"},
                    "description": {"type": "string"},
                    "schema": {"type": "object"},
                },
                "if": {"properties": {"in": {"const": "path"}}},
                "then": {"required": ["required"], "properties": {"required": {"const": True}}},
            },
        },
        "requestBody": {
            "type": "object",
            "required": ["content"],
            "properties": {"required": {"type": "boolean"}, "content": {"type": "object", "minProperties": 1}},
            "additionalProperties": False,
        },
        "responses": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {
                "^([1-5][0-9][0-9]|default)$": {
                    "type": "object",
                    "required": ["description"],
                    "properties": {
                        "description": {"type": "string"},
                        "content": {"type": "object", "patternProperties": {"^[^/]+/[^/]+$": {"type": "object"}}},
                        "headers": {"type": "object"},
                    },
                    "additionalProperties": False,
                }
            },
        },
    },
}
DOCS = Path(__file__).parents[2] / "docs" / "reference" / "http-api.md"


def _schema(path: str, method: str, status: str) -> dict[str, Any]:
    answer = document()["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return {**answer, "components": document()["components"]}


def test_every_route_of_the_blueprint_is_described() -> None:
    app = Quart(__name__)
    app.register_blueprint(api)
    routes = {
        (method, re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert routes == {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}


def test_names_of_operations_are_unique_and_all_have_a_sentence() -> None:
    names = [each.name for each in OPERATIONS]

    assert len(set(names)) == len(names)
    assert [each.name for each in OPERATIONS if not each.summary.endswith((".", "?"))] == []


def test_every_reference_in_the_document_leads_somewhere() -> None:
    known = document()["components"]["schemas"]

    assert set(re.findall(r"#/components/schemas/([\w.\[\]-]+)", str(document()))) <= set(known)


def test_every_schema_of_the_document_is_json_schema_2020_12() -> None:
    for schema in _schemas_of(document()):
        jsonschema.Draft202012Validator.check_schema(schema)


def _schemas_of(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        for name, each in part.items():
            if name == "schema":
                yield each
            elif name == "schemas":
                yield from each.values()
            else:
                yield from _schemas_of(each)
    elif isinstance(part, list):
        for each in part:
            yield from _schemas_of(each)


def test_the_document_has_the_shape_of_openapi_3_1() -> None:
    told = document()

    assert told["openapi"].startswith("3.1.")
    assert set(told) <= {"openapi", "info", "servers", "paths", "components", "tags", "security"}
    assert {"title", "version"} <= set(told["info"])
    for path, methods in told["paths"].items():
        for method, each in methods.items():
            jsonschema.validate(each, OPERATION)
            parts = {one["name"] for one in each["parameters"] if one["in"] == "path"}
            assert parts == set(re.findall(r"{(\w+)}", path)), (method, path)
            assert method != "get" or "requestBody" not in each
            for scheme in each["security"]:
                assert set(scheme) <= set(told["components"]["securitySchemes"])


def test_every_example_of_a_body_is_taken_by_its_schema() -> None:
    for each in (each for methods in document()["paths"].values() for each in methods.values()):
        content = each.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            jsonschema.validate(content["example"], {**content["schema"], "components": document()["components"]})


async def test_answers_fit_what_is_described(service: Service) -> None:
    builder = await service.builder()
    opened = await service.dispatch()
    await builder.work(log=b"x\n", result=b"y\n")
    asked = {
        "/api/v1/pipelines": "/pipelines",
        "/api/v1/pipelines/{pipeline_id}": f"/pipelines/{opened['id']}",
        "/api/v1/jobs/{job_id}": f"/jobs/{opened['jobs'][0]['id']}",
        "/api/v1/builders": "/builders",
        "/api/v1/builders/{name}": "/builders/shelf",
        "/api/v1/boards": "/boards",
        "/api/v1/repositories": "/repositories",
    }

    for path, address in asked.items():
        answer = await service.web.get(address)
        jsonschema.validate(answer.json(), _schema(path, "get", "200"))
    refused = await service.local.post("/pipelines", json={"kind": "run", "commit": HASH[:7], "remote_url": REMOTE})
    jsonschema.validate(refused.json(), _schema("/api/v1/pipelines", "post", "default"))


async def test_every_kind_of_result_file_is_of_a_media_type_that_is_described(service: Service) -> None:
    builder, job = await service.builder(), "/api/v1/jobs/{job_id}/result"
    kinds = document()["paths"][job]["get"]["responses"]["200"]["content"]
    got = []
    for result in (b"y\n", b"\0\xff"):
        await service.dispatch()
        lease = await builder.work(result=result)
        answer = await service.web.get(f"/jobs/{lease['job_id']}/result")
        got.append(answer.headers["content-type"].partition(";")[0])

    assert got == ["text/plain", "application/octet-stream"]
    assert set(got) == set(kinds)


async def test_an_answer_without_a_body_names_no_media_type(service: Service) -> None:
    await service.token("observer", "bob")

    answer = await service.local.delete("/users/bob")

    assert (answer.status_code, answer.content, answer.headers.get("content-type")) == (204, b"", None)


async def test_that_a_user_is_unknown_is_a_described_answer_to_who_asks_for_his_sessions(service: Service) -> None:
    answer = await service.local.get("/sessions", params={"user": "nobody"})

    jsonschema.validate(answer.json(), _schema("/api/v1/sessions", "get", str(answer.status_code)))
    assert answer.json()["error"]["code"] == "not_found"


async def test_the_document_and_the_page_are_served(service: Service) -> None:
    told = await service.web.get(f"{service.url}/openapi.json")
    page = await service.web.get(f"{service.url}/docs")

    assert told.json()["openapi"] == "3.1.0"
    assert page.status_code == 200
    assert "POST /api/v1/pipelines" in page.text
    assert not re.search(r"(?:src|href)=\"https?://", page.text)


def test_the_reference_names_every_operation() -> None:
    written = DOCS.read_text()

    assert [f"{each.method} {each.path}" for each in OPERATIONS if f"`{each.method} {each.path}`" not in written] == []
