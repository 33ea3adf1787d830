"""Write `app/client/generated` anew from the declarations of the API: typed answers, and a method for each operation.

`--check` writes nothing, and exits 1 if something would change.
"""

import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "app" / "client" / "generated"
JSON = "application/json"
TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
NOTE = "Written by scripts/write_client.py from the declarations of the API: change those, and run `make format`."

Json = dict[str, Any]


def main() -> int:
    """Write or check; return the exit status."""
    sys.path.insert(0, str(ROOT))
    import app.main  # noqa: PLC0415
    import app.web.api  # noqa: F401, PLC0415  # declares the operations
    from app.web.api.described import document  # noqa: PLC0415

    texts = {name: formatted(text, FOLDER / name) for name, text in written(document()).items()}
    stale = [name for name, text in texts.items() if not _same(FOLDER / name, text)]
    if "--check" in sys.argv:
        for name in stale:
            print(f"app/client/generated/{name} is not as the API is; run `make format`")
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(texts[name])
    return 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def formatted(text: str, path: Path) -> str:
    """Sort imports, drop those that nothing needs, and format, as the code is."""
    named = ["--stdin-filename", str(path), "-"]
    for how in (["check", "--fix", "--quiet", "--exit-zero", "--select", "F401,I"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *how, *named]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def written(document: Json) -> dict[str, str]:
    """Write both modules."""
    operations = [
        _operation(document, path, method, each)
        for path, methods in sorted(document["paths"].items())
        for method, each in methods.items()
    ]
    body = "\n".join(operations)
    schemas = {named(name): schema for name, schema in sorted(document["components"]["schemas"].items())}
    used = [name for name in schemas if re.search(rf"\b{name}\b", body)]
    shown = {name: each for name, each in schemas.items() if name in used or not name.startswith(("Page_", "Error"))}
    answers = [f'"""What the API takes and answers.\n\n{NOTE}\n"""\n']
    answers.append("from __future__ import annotations\n")
    answers.append("from typing import Any, Literal, NotRequired, TypedDict\n")
    classes = sorted((_class(name, schema) for name, schema in shown.items()), key=lambda text: "class " in text)
    answers += classes  # plain words first: they are evaluated where they stand
    head = [
        f'"""A method for each operation of the API.\n\n{NOTE}\n"""\n',
        "from collections.abc import Iterator",
        "from typing import Any, Literal, cast",
        "",
        "from app.client.asking import Asking, part",
        "from app.client.events import Event",
        f"from app.client.generated.answers import {', '.join(used)}\n\n",
        "class Operations(Asking):",
        '    """All operations. Lists are read page by page, at most `most` items."""\n',
    ]
    package = f'"""The API in types.\n\n{NOTE}\n"""\n'
    return {"__init__.py": package, "answers.py": "\n".join(answers), "operations.py": "\n".join(head) + body}


def named(name: str) -> str:
    """Make a schema's name one of Python."""
    return re.sub(r"\W", "_", name)


def type_of(schema: Json) -> str:
    """Write a schema as a type."""
    if "$ref" in schema:
        return named(schema["$ref"].rpartition("/")[2])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(type_of(each) for each in schema[union]))
    if "allOf" in schema:
        return type_of(schema["allOf"][0])
    words = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if words is not None:
        return f"Literal[{', '.join(map(repr, words))}]"
    return _plain(schema)


def _plain(schema: Json) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values) if isinstance(values, dict) else 'Any'}]"
    return TYPES.get(str(kind), "Any")


def _class(name: str, schema: Json) -> str:
    if "enum" in schema or "properties" not in schema:
        return f"\n{name} = {type_of(schema)}"
    lines = [f"\n\nclass {name}(TypedDict):", f'    """{schema.get("description", name)}"""\n']
    required = schema.get("required", [])
    for key, each in schema["properties"].items():
        kind = type_of(each)
        lines.append(f"    {key}: {kind if key in required else f'NotRequired[{kind}]'}")
    return "\n".join(lines)


def _operation(document: Json, path: str, method: str, each: Json) -> str:
    parts = [one for one in each["parameters"] if one["in"] == "path"]
    query = [one for one in each["parameters"] if one["in"] == "query"]
    item = _item(document, each)
    pages = item is not None and {"cursor", "limit"} <= {one["name"] for one in query}
    query = [one for one in query if not (pages and one["name"] in ("cursor", "limit"))]
    told = f"Iterator[{item}]" if pages else _answer(each)
    given = [f"{_word(one)}: {type_of(one['schema'])}" for one in parts]
    given += _body(each)
    named_only = ["most: int | None = None"] if pages else []
    named_only += [_parameter(one) for one in query]
    named_only += ["if_match: str | None = None"] if _takes(each, "If-Match") else []
    signature = ", ".join(["self", *given, *(["*", *named_only] if named_only else [])])
    where = (
        "f" + repr(re.sub(r"\{(\w+)\}", r"{part(\1)}", path.removeprefix("/api/v1")))
        if parts
        else repr(path.removeprefix("/api/v1"))
    )
    asked = "{" + ", ".join(f"{str(one['name'])!r}: {_word(one)}" for one in query) + "}"
    doc = each["description"].partition("\n\nNeeds the right")[0].rstrip().replace("\n", "\n        ")
    lines = [
        f"\n    def {each['operationId']}({signature}) -> {told}:",
        f'        """{doc}"""' if "\n" not in doc else f'        """{doc}\n        """',
    ]
    lines.append("        " + _call(method.upper(), where, asked, each, told, pages=pages))
    return "\n".join(lines)


def _item(document: Json, each: Json) -> str | None:
    """Name the items of a list."""
    name = _answer_schema(each).get("$ref", "").rpartition("/")[2]
    properties = document["components"]["schemas"].get(name, {}).get("properties", {})
    return type_of(properties["items"]["items"]) if name.startswith("Page_") else None


def _answer_schema(each: Json) -> Json:
    found: Json = next((answer for status, answer in each["responses"].items() if status.startswith("2")), {})
    schema: Json = found.get("content", {}).get(JSON, {}).get("schema", {})
    return schema


def _answer(each: Json) -> str:
    schema = _answer_schema(each)
    if schema:
        return type_of(schema)
    media = _media(each)
    return "None" if media is None else "Iterator[Event]" if media == "text/event-stream" else "bytes"


def _media(each: Json) -> str | None:
    found: Json = next((answer for status, answer in each["responses"].items() if status.startswith("2")), {})
    return next(iter(found.get("content", {})), None)


def _body(each: Json) -> Iterator[str]:
    content = each.get("requestBody", {}).get("content", {})
    if JSON in content:
        kind = type_of(content[JSON]["schema"])
        yield f"body: {kind}" if each["requestBody"].get("required") else f"body: {kind} | None = None"
    elif content:
        yield "data: bytes"


def _parameter(one: Json) -> str:
    kind = type_of(one["schema"])
    optional = kind if kind.endswith("None") else f"{kind} | None"
    return f"{_word(one)}: {kind}" if one["required"] else f"{_word(one)}: {optional} = None"


def _word(one: Json) -> str:
    name = str(one["name"])
    return f"{name}_" if keyword.iskeyword(name) else name


def _takes(each: Json, header: str) -> bool:
    return any(one["name"] == header for one in each["parameters"])


def _call(method: str, where: str, asked: str, each: Json, told: str, *, pages: bool) -> str:
    content = each.get("requestBody", {}).get("content", {})
    if pages:
        return f"return cast({told}, self.listed({where}, {asked}, most))"
    if told == "Iterator[Event]":
        return f"return self.followed({where}, {asked})"
    if told == "bytes":
        return f"return self.read({where}, {asked})"
    if content and JSON not in content:
        return f"return cast({told}, self.sent({where}, data, {asked}))"
    more = ", body=body" if JSON in content else ""
    more += ", if_match=if_match" if _takes(each, "If-Match") else ""
    call = f"self.asked({method!r}, {where}, {asked}{more})"
    return call if told == "None" else f"return cast({told}, {call})"


if __name__ == "__main__":
    sys.exit(main())
