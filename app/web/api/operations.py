"""Declare an operation of the public API once: its route, who may call it, and what goes in and out.

The declaration checks requests and writes answers, and /openapi.json is generated from it; so neither
can promise what the other does not keep.
"""

import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from quart import Blueprint, Response, current_app, request

from app.deps import Deps
from app.errors import (
    ApiError,
    ChangedMeanwhile,
    Conflict,
    Forbidden,
    InProgress,
    Invalid,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    TooLarge,
    Unauthorized,
    WrongMediaType,
)
from app.rights import Right
from app.web import any_name, auth
from app.web.api import conditional, idempotency, refusals

api = Blueprint("api", __name__, url_prefix="/api/v1")
any_name.allow(api)

MAX_BODY = 1 << 20  # bytes
JSON = "application/json"
INT4, INT8 = 2**31 - 1, 2**63 - 1  # the largest ids the database takes; a larger one in a path is just not found
LARGEST = {"delivery_id": INT8}
OF_BOARD = "/boards/{name}"

View = TypeVar("View", bound=Callable[..., Awaitable[Any]])


class Given(BaseModel):
    """What a caller sends: strict, and nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True)


class Told(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path, as declared."""

    method: str
    path: str  # as OpenAPI writes it: /jobs/{job_id}
    name: str
    doc: str
    right: Right | None  # None: everybody may ask
    finds_place: bool  # of a right in a repository: the view finds where it is asked for
    query: type[Given] | None
    body: type[Given] | None
    answer: type[BaseModel] | None
    status: HTTPStatus
    media: tuple[str, ...]  # one of these is that of the answer
    upload: int = 0  # bytes that a body which is a file may have; 0: the body is JSON, or there is none
    section: str = field(default="")

    @property
    def refusals(self) -> tuple[type[ApiError], ...]:
        """List the refusals that follow from its shape."""
        takes = {name for given in (self.query, self.body) if given is not None for name in given.model_fields}
        writes = self.method != "GET" and self.right is not None
        return (
            *((Unauthorized, Forbidden) if self.right is not None else ()),
            *((NotFound,) if "{" in self.path or "repository" in takes else ()),
            *((Conflict,) if "builder" in takes else ()),  # several may have a board of this name
            *((TooLarge,) if self.upload or self.body is not None else ()),
            *((WrongMediaType,) if self.body is not None else ()),
            *((KeyReused, InProgress, OutcomeUnknown) if writes else ()),
            *((ChangedMeanwhile,) if self.method in ("PUT", "DELETE") and self.path in READERS else ()),
        )

    @property
    def summary(self) -> str:
        """Give the first line of the documentation."""
        return self.doc.partition("\n")[0]


OPERATIONS: list[Operation] = []
READERS: dict[str, tuple[Operation, Callable[..., Awaitable[Any]]]] = {}  # path → what reads a thing by its path alone


def operation(
    method: str,
    path: str,
    *,
    right: Right | None = None,
    finds_place: bool = False,
    query: type[Given] | None = None,
    body: type[Given] | None = None,
    answer: type[BaseModel] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    media: tuple[str, ...] = (JSON,),
    upload: int = 0,
) -> Callable[[View], View]:
    """Make a function an operation; it gets `deps`, the parts of the path, and `actor`, `query`, `body` if declared.

    A right of a single repository is asked for in that of the path, as by `job_id`; where the path names nothing, in
    the whole service, or with `finds_place` anywhere: the view calls `auth.act_in`, or lists what can be seen. With
    `upload` it gets the body as it came, of at most so many bytes, as `data`. Without an answer it gives 204, or a
    response that it made itself.
    """

    def declare(view: View) -> View:
        declared = Operation(
            method=method,
            path=path,
            **_names(view),
            right=right,
            finds_place=finds_place,
            query=query,
            body=body,
            answer=answer,
            status=status if answer or media != (JSON,) else HTTPStatus.NO_CONTENT,
            media=media,
            upload=upload,
        )
        _route(declared, view)
        return view

    return declare


def _names(view: Callable[..., Awaitable[Any]]) -> dict[str, str]:
    doc = re.sub(r"\n\s+", "\n", (view.__doc__ or "").strip())
    return {"name": view.__name__, "doc": doc, "section": view.__module__.rpartition(".")[2]}


def _route(declared: Operation, view: Callable[..., Awaitable[Any]]) -> None:
    endpoint, call = f"{declared.section}_{declared.name}", functools.partial(_call, declared, view)
    api.add_url_rule(_rule(declared.path), endpoint, call, methods=[declared.method])
    OPERATIONS.append(declared)
    if declared.method == "GET" and declared.answer is not None and declared.query is None:
        READERS[declared.path] = (declared, view)


def _rule(path: str) -> str:
    """Write `{job_id}` as Quart does: ids are numbers the database can hold, all else is one part of the path.

    Only names of boards may be several.
    """
    text = f"{any_name.BOARD}:" if path.startswith(OF_BOARD) else ""

    def converter(found: re.Match[str]) -> str:
        name = found[1]
        is_number = name.endswith("_id") or name == "number"
        return f"<int(max={LARGEST.get(name, INT4)}):{name}>" if is_number else f"<{text}{name}>"

    return re.sub(r"\{(\w+)\}", converter, path)


async def _call(declared: Operation, view: Callable[..., Awaitable[Any]], **given: Any) -> Response:
    with refusals.watched(declared):
        return await _called(declared, view, given)


async def _called(declared: Operation, view: Callable[..., Awaitable[Any]], given: dict[str, Any]) -> Response:
    if not all(str(part).isprintable() for part in given.values()):
        raise NotFound("No name holds control characters.")
    if declared.right is not None:
        given["actor"] = await auth.require(declared.right, given, anywhere=declared.finds_place)
    sent, data = await _read(declared)
    act = functools.partial(_act, declared, view, {**given, **sent})
    actor = given.get("actor")
    if declared.method == "GET" or actor is None or idempotency.HEADER not in request.headers:
        return await act()
    what = request.query_string + b"\0" + data
    return await idempotency.once(current_app.extensions["deps"], actor, what, act)


async def _read(declared: Operation) -> tuple[dict[str, Any], bytes]:
    """Check query and body; also gives the body as it came."""
    given: dict[str, Any] = {}
    query = read_query(declared.query or Given)
    if declared.query is not None:
        given["query"] = query
    data = await _bytes(declared.upload or MAX_BODY) if declared.upload or declared.body is not None else b""
    if declared.body is not None:
        given["body"] = _checked(declared.body, data)
    if declared.upload:
        given["data"] = data
    return given, data


async def _act(declared: Operation, view: Callable[..., Awaitable[Any]], given: dict[str, Any]) -> Response:
    with refusals.watched(declared):
        return await _acted(declared, view, given)


async def _acted(declared: Operation, view: Callable[..., Awaitable[Any]], given: dict[str, Any]) -> Response:
    deps: Deps = current_app.extensions["deps"]
    twin = READERS.get(declared.path) if declared.method in ("PUT", "DELETE") else None
    if twin is None:
        return _answer(declared, await view(deps, **given))
    parts = {name: given[name] for name in re.findall(r"\{(\w+)\}", declared.path)}
    seen_as = {"actor": given["actor"]} if twin[0].right is not None else {}
    async with conditional.unchanged(deps, functools.partial(twin[1], deps, **parts, **seen_as)):
        told = await view(deps, **given)
    response = _answer(declared, told)
    if told is not None and declared.answer is twin[0].answer:
        response.headers["ETag"] = conditional.tag(told.model_dump_json())
    return response


def _answer(declared: Operation, told: Any) -> Response:
    if isinstance(told, Response):
        return told
    if told is None:
        return _nothing()
    body = told.model_dump_json()
    if declared.method == "GET":
        return conditional.kept(body, JSON)
    return Response(body, status=declared.status, content_type=JSON)


def _nothing() -> Response:
    response = Response(status=HTTPStatus.NO_CONTENT)
    del response.headers["Content-Type"]  # Quart's default would say that nothing is HTML
    return response


def read_query(kind: type[Given]) -> Any:
    """Check the query of the request; a parameter said twice is refused, for one of them would not count."""
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if len(values) > 1:
            raise Invalid(f"{name}: given {len(values)} times; give it once.")
    try:
        return kind.model_validate_strings({name: values[0] for name, values in given.items()})
    except ValidationError as wrong:
        raise Invalid(_explained(wrong)) from None


def read_value(kind: type[Given], value: Mapping[str, Any]) -> Any:
    """Check a value that was put together here as the body of the same operation is checked.

    Raises:
        Invalid: it names each wrong field.
    """
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValidationError as wrong:
        raise Invalid(_explained(wrong)) from None


def read_form(kind: type[Given], form: Mapping[str, str]) -> Any:
    """Check a form of one of our pages as the body of the same operation is checked; an empty field was not filled in.

    Raises:
        Invalid: it names each wrong field.
    """
    try:
        return kind.model_validate_strings({name: value for name, value in form.items() if value.strip()})
    except ValidationError as wrong:
        raise Invalid(_explained(wrong)) from None


def _checked(kind: type[Given], data: bytes) -> Any:
    if not data and not any(each.is_required() for each in kind.model_fields.values()):
        return kind()
    if request.mimetype != JSON:
        raise WrongMediaType(f"Send the body as `Content-Type: {JSON}`, not as {request.mimetype or 'nothing'}.")
    try:
        return kind.model_validate_json(data)
    except ValidationError as wrong:
        raise Invalid(_explained(wrong)) from None


async def _bytes(limit: int) -> bytes:
    """Read the body, never more of it than the limit."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The body is over {limit} bytes.")
    parts, size = [], 0
    async for part in request.body:
        size += len(part)
        if size > limit:
            raise TooLarge(f"The body is over {limit} bytes.")
        parts.append(part)
    return b"".join(parts)


def _explained(wrong: ValidationError) -> str:
    """Name each wrong key, without repeating a value, which may be a secret."""
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in wrong.errors(include_input=False, include_url=False)
    ]
    return "; ".join(faults[:10])
