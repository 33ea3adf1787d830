"""/openapi.json and /docs, out of the declarations that check the requests."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from quart import Blueprint, Response, current_app, jsonify, render_template

from app.deps import Deps
from app.web.api import examples, refusals
from app.web.api.operations import INT4, JSON, LARGEST, MAX_BODY, OPERATIONS, Operation

API_VERSION = "1"  # as in /api/v1; changes that break callers make another one

described = Blueprint("described", __name__)

Json = dict[str, Any]
Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], Json]

NOUNS = (
    "pipelines",
    "presets",
    "jobs",
    "builders",
    "boards",
    "repositories",
    "series",
    "shifts",
    "results",
    "deliveries",
)  # of the page, in order

HEADERS = {
    "Idempotency-Key": "1 to 255 printable ASCII characters, such as a UUID: sent again with it, the call is done once",
    "If-Match": "the ETag of GET at this path: done only while it still is so",
    "If-None-Match": "the ETag of an earlier answer: 304 while it still is so",
}
RETRY: Json = {"Retry-After": {"description": "seconds until it is worth another try", "schema": {"type": "integer"}}}

ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


@described.get("/openapi.json")
async def openapi() -> Response:
    """Describe the public API as OpenAPI 3.1. What builders say is in `builders/protocol.py`."""
    return jsonify(document())


@described.get("/docs")
async def docs() -> str:
    """List the operations for people, those of one noun together."""
    sections: dict[str, list[Shown]] = {}
    for declared in sorted(OPERATIONS, key=_position):
        sections.setdefault(_section(declared), []).append(_shown(declared))
    deps: Deps = current_app.extensions["deps"]
    return await render_template("docs.html", sections=sections, about=_ABOUT.split("`"), url=deps.settings.public_url)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A part of the path, or a parameter of the query, that the form on the page asks for."""

    name: str
    place: str  # path or query
    description: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One operation on the page."""

    id: str
    method: str
    path: str
    summary: str
    doc: list[str]  # text and code by turns
    who: str
    fields: list[tuple[str, str, bool]]  # of the body: name, description, whether it is required
    parameters: list[Parameter]
    example: str | None  # of the body; None: it takes none
    is_file: bool  # the body is a file
    refusals: list[tuple[int, str]]


def _section(declared: Operation) -> str:
    return declared.path.split("/")[1]


def _position(declared: Operation) -> tuple[int, str]:
    section = _section(declared)
    return (NOUNS.index(section) if section in NOUNS else len(NOUNS), section)


def _shown(declared: Operation) -> Shown:
    body = declared.body
    return Shown(
        id=declared.name,
        method=declared.method,
        path=f"/api/v1{declared.path}",
        summary=declared.summary.replace("`", ""),
        doc=declared.doc.split("`"),
        who=declared.right or "everybody",
        fields=[(name, each.description or "", each.is_required()) for name, each in body.model_fields.items()]
        if body
        else [],
        parameters=[
            Parameter(
                name=each["name"],
                place=each["in"],
                description=each.get("description", ""),
                required=each["required"],
            )
            for each in _parameters(declared)
        ],
        example=json.dumps(examples.of(body), indent=2) if body else None,
        is_file=bool(declared.upload),
        refusals=[(status, code) for code, status in refusals.of(declared).items()],
    )


@cache
def document() -> Json:
    """Write the OpenAPI document; every operation has been declared by then."""
    schemas, definitions = _schemas()
    paths: dict[str, Json] = {}
    for declared in OPERATIONS:
        paths.setdefault(f"/api/v1{declared.path}", {})[declared.method.lower()] = _operation(declared, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rigline", "version": API_VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {**definitions, "Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "a user's token, rlu_…"}},
        },
    }


_ABOUT = (
    'Lists are `{"items": […], "next": cursor|null}`, errors `{"error": {"code", "message"}}`. '
    f"Bodies are JSON of at most {MAX_BODY} bytes; unknown keys and parameters are refused. "
    "Reading needs no token but for users, tokens and deliveries; changing anything does. "
    "On the service's Unix socket whoever may open it is an admin."
)


def _schemas() -> tuple[Schemas, Json]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for declared in OPERATIONS:
        wanted += [(each, "validation") for each in (declared.query, declared.body) if each]
        wanted += [(declared.answer, "serialization")] if declared.answer else []
    found, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template="#/components/schemas/{model}")
    return found, definitions.get("$defs", {})  # type: ignore[return-value]


def _operation(declared: Operation, schemas: Schemas) -> Json:
    told: Json = {
        "operationId": declared.name,
        "tags": [_section(declared)],
        "summary": declared.summary,
        "description": declared.doc,
        "parameters": [*_parameters(declared), *_headers(declared)],
        "responses": {str(declared.status.value): _answer(declared, schemas), **_refusals(declared)},
        "security": [{"token": []}] if declared.right is not None else [],
    }
    if declared.right is not None:
        told["description"] += f"\n\nNeeds the right {declared.right}."
    if declared.body is not None:
        shown = {"schema": schemas[declared.body, "validation"], "example": examples.of(declared.body)}
        is_required = any(each.is_required() for each in declared.body.model_fields.values())
        told["requestBody"] = {"required": is_required, "content": {JSON: shown}}
    if declared.upload:
        told["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return told


def _headers(declared: Operation) -> list[Json]:
    """Name the headers by which a call is sent again, or only while nothing changed."""
    codes = refusals.of(declared)
    wanted = {
        "Idempotency-Key": "idempotency_key_reused" in codes,
        "If-Match": "changed_meanwhile" in codes,
        "If-None-Match": declared.method == "GET" and declared.answer is not None,
    }
    return [
        {"name": name, "in": "header", "required": False, "description": HEADERS[name], "schema": {"type": "string"}}
        for name, is_known in wanted.items()
        if is_known
    ]


def _parameters(declared: Operation) -> list[Json]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in re.findall(r"\{(\w+)\}", declared.path)
    ]
    given = declared.query.model_json_schema() if declared.query else {}
    shared = given.get("$defs", {})
    return parts + [
        {
            "name": name,
            "in": "query",
            "required": name in given.get("required", []),
            "description": schema.get("description", ""),
            "schema": _inlined(schema, shared),
        }
        for name, schema in given.get("properties", {}).items()
    ]


def _inlined(schema: Any, shared: Json) -> Any:
    """Put definitions in the place of their names: a parameter has no components of its own."""
    if isinstance(schema, list):
        return [_inlined(each, shared) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(shared[schema["$ref"].rpartition("/")[2]], shared)
    return {name: _inlined(value, shared) for name, value in schema.items()}


def _path_schema(name: str) -> Json:
    if name.endswith("_id") or name == "number":
        return {"type": "integer", "minimum": 0, "maximum": LARGEST.get(name, INT4)}
    return {"type": "string"}


def _answer(declared: Operation, schemas: Schemas) -> Json:
    if declared.answer is not None:
        schema = schemas[declared.answer, "serialization"]
        return {"description": "Done.", "content": {JSON: {"schema": schema}}}
    if declared.media != (JSON,):
        return {"description": "Done.", "content": {each: {"schema": {"type": "string"}} for each in declared.media}}
    return {"description": "Done."}


def _refusals(declared: Operation) -> Json:
    """Describe what the operation may refuse with, by status; `default` is what any server may say."""
    by_status: dict[int, list[str]] = {}
    for code, status in refusals.of(declared).items():
        by_status.setdefault(status, []).append(code)
    told: Json = {
        str(status): {
            "description": f"Refused: {', '.join(sorted(codes))}.",
            "content": {JSON: {"schema": _error_with(sorted(codes))}},
            **({"headers": RETRY} if status in (409, 429, 503) else {}),
        }
        for status, codes in sorted(by_status.items())
    }
    if declared.method == "GET" and declared.answer is not None:
        told["304"] = {"description": "Nothing changed since the answer that If-None-Match names."}
    schema = {"$ref": "#/components/schemas/Error"}
    told["default"] = {
        "description": "Refused: the code is stable, the message is for people.",
        "content": {JSON: {"schema": schema}},
    }
    return told


def _error_with(codes: list[str]) -> Json:
    code = {"properties": {"error": {"type": "object", "properties": {"code": {"enum": codes}}}}}
    return {"allOf": [{"$ref": "#/components/schemas/Error"}, code]}
