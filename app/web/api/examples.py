"""Examples of bodies, out of the same models that check them."""

from functools import cache
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]
BY_TYPE: Json = {"integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}, "null": None}


@cache
def of(kind: type[BaseModel]) -> Any:
    """Give an example of a body: the model's own, else what it requires, with the examples of its fields."""
    schema = kind.model_json_schema()
    return _value(schema, schema.get("$defs", {}))


def _value(schema: Json, known: Json) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return _value(known[schema["$ref"].rpartition("/")[2]], known)
    for chosen in ("anyOf", "oneOf", "allOf"):
        if chosen in schema:
            return _value(schema[chosen][0], known)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "properties" in schema:
        required = schema.get("required", [])
        return {name: _value(each, known) for name, each in schema["properties"].items() if name in required}
    return _plain(schema, known)


def _plain(schema: Json, known: Json) -> Any:
    kind = schema.get("type", "string")
    if kind == "array" and schema.get("minItems"):
        return [_value(schema["items"], known)]
    if kind != "string":
        return schema.get("minimum", BY_TYPE.get(kind))
    return "x" * max(schema.get("minLength", 0), 8)
