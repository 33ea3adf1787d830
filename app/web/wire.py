"""Bodies of builders' requests: bounded before they are read, checked before they are used."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from quart import request

from app.errors import Invalid, TooLarge
from app.history.looks import MOST_PAIRS
from builders import protocol
from builders.protocol import (
    CHECK,
    MAILBOX,
    MAX_ARTEFACT_NAME,
    MAX_ARTEFACTS,
    MAX_PATTERN,
    MAX_PROBLEM,
    ArtefactFile,
    BoardOffer,
    Hello,
    ResultFile,
    Side,
)

MAX_JSON = 1 << 20  # bytes of one JSON body
NAMES = 256  # boards of a builder, configurations of a board, …
NAME_LIMIT = 100  # characters
DEVICES = 16  # of one board
DEVICE_LIMIT = 255  # characters: the longest name of a file
INT32 = (1 << 31) - 1
INT63 = (1 << 63) - 1

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IN_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Model = TypeVar("Model")


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Make pydantic's reader for a wire model, which knows nothing of pydantic itself."""
    for each in vars(protocol).values():
        if isinstance(each, type) and hasattr(each, "__dataclass_fields__"):
            each.__pydantic_config__ = _STRICT  # type: ignore[attr-defined]
    return TypeAdapter(kind)


async def body(limit: int) -> bytes:
    """Read a body of at most `limit` bytes.

    Raises:
        TooLarge: it is longer.
    """
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"The body has {request.content_length} bytes; at most {limit} are taken.")
    parts, size = list[bytes](), 0
    async for part in request.body:
        parts.append(part)
        size += len(part)
        if size > limit:
            raise TooLarge(f"The body has more than {limit} bytes.")
    return b"".join(parts)


async def model(kind: type[Model]) -> Model:
    """Read a wire model: every field of its exact type, none unknown.

    Raises:
        Invalid: names the first fault and where it is.
        TooLarge: the body is too long.
    """
    raw = await body(MAX_JSON)
    key: Any = kind
    try:
        read: Model = _adapter(key).validate_json(raw)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "body"
        raise Invalid(f"{where}: {first['msg']}") from None
    return read


def number(name: str, limit: int) -> int:
    """Read a whole number ≥ 0 from the query.

    Raises:
        Invalid: it is missing, malformed or too large.
    """
    given = request.args.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 19 and int(given) <= limit):
        raise Invalid(f"{name}: expected a whole number from 0 to {limit} in the query")
    return int(given)


def result_of() -> dict[str, Any]:
    """Read from the query what a result file is of: side, pair and the SHA-256 of what was run.

    Raises:
        Invalid: one is malformed.
    """
    side, binary = request.args.get("side", Side.HEAD.value), request.args.get("binary", "")
    if side not in list(Side):
        raise Invalid(f"side: expected one of {', '.join(Side)}")
    if binary and not _SHA256.fullmatch(binary):
        raise Invalid("binary: expected a SHA-256 of 64 hexadecimal digits")
    pair = number("pair", MOST_PAIRS) if "pair" in request.args else None
    return {"side": Side(side), "pair": pair, "binary": binary}


def within(name: str, value: float | None, low: float, high: float) -> None:
    """Refuse a number out of its bounds.

    Raises:
        Invalid: names it.
    """
    if value is not None and not low <= value <= high:
        raise Invalid(f"{name}: expected a number from {low} to {high}")


def text(value: str, limit: int) -> str:
    """Cut a text for people and take out what is no text."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)[:limit]


def check_names(where: str, names: Sequence[str]) -> None:
    """Bound a list of names, each of which appears once.

    Raises:
        Invalid: names what is wrong.
    """
    if len(names) > NAMES:
        raise Invalid(f"{where}: more than {NAMES}")
    for name in names:
        _name(where, name)
    if len(set(names)) != len(names):
        raise Invalid(f"{where}: a name appears twice; every one needs a name of its own")


def check_hello(hello: Hello) -> None:
    """Bound everything a builder says of itself.

    Raises:
        Invalid: names what is wrong.
    """
    _name("instance", hello.instance)
    _line("version", hello.version, 50)
    _line("isolation", hello.isolation, 24)
    if len(hello.problem) > MAX_PROBLEM or _CONTROL.search(hello.problem):
        raise Invalid(f"problem: at most {MAX_PROBLEM} characters, without control characters")
    within("facts", len(hello.facts), 0, 50)
    for key, value in hello.facts.items():
        _name("facts", key)
        _line(f"facts.{key}", value, 500)
    check_names("boards", [board.name for board in hello.boards])
    for board in hello.boards:
        _check_board(board)
    devices = [name for board in hello.boards for name in board.devices]
    if len(set(devices)) != len(devices):
        raise Invalid("boards: a device appears twice; each board needs devices of its own")


def _check_board(board: BoardOffer) -> None:
    where = f"boards.{board.name}"
    _name(f"{where}.type", board.type)
    if len(board.description) > 1000 or _CONTROL.search(board.description):
        raise Invalid(f"{where}.description: at most 1000 characters, without control characters")
    if board.owner and not MAILBOX.fullmatch(board.owner):
        raise Invalid(f"{where}.owner: expected one mailbox, such as ada@example.org")
    within(f"{where}.devices", len(board.devices), 0, DEVICES)
    for device in board.devices:
        _line(f"{where}.devices", device, DEVICE_LIMIT)
    if board.check is not None:
        within(f"{where}.check.every_s", board.check.every_s, 60, INT32)
        within(f"{where}.check.limit_s", board.check.limit_s, 0, 3600)
    check_names(f"{where}.configurations", [each.name for each in board.configurations])
    if CHECK in [each.name for each in board.configurations]:
        raise Invalid(f"{where}.configurations: {CHECK!r} is the name of the board's check; choose another")
    for each in board.configurations:
        check_names(f"{where}.{each.name}.tags", sorted({*board.tags, *each.tags}))
        if each.limit_s is not None and not 0 < each.limit_s <= INT32:
            raise Invalid(f"{where}.{each.name}.limit_s: expected more than 0 seconds")


def check_formats(files: Sequence[ResultFile]) -> None:
    """Bound what is said of the formats of result files.

    Raises:
        Invalid: names what is wrong.
    """
    for wanted in {file.wanted for file in files if file.wanted is not None}:
        for name, value in vars(wanted).items():
            if value is not None and (len(value) > MAX_PATTERN or _IN_NAME.search(value)):
                raise Invalid(f"results.wanted.{name}: expected at most {MAX_PATTERN} printable characters")
        if wanted.better not in (None, "lower", "higher"):
            raise Invalid("results.wanted.better: expected lower or higher")


def check_artefacts(named: Sequence[ArtefactFile]) -> None:
    """Bound what a finish says of its artefacts: paths below the work tree, each number and name once.

    Raises:
        Invalid: names what is wrong.
    """
    within("artefacts", len(named), 0, MAX_ARTEFACTS)
    for each in named:
        within("artefacts.number", each.number, 0, MAX_ARTEFACTS - 1)
        parts = each.name.split("/")
        if not all(parts) or ".." in parts or "." in parts:
            raise Invalid("artefacts.name: expected a path below the work tree")
        _line("artefacts.name", each.name, MAX_ARTEFACT_NAME)
    for values in ([each.number for each in named], [each.name for each in named]):
        if len(set(values)) != len(values):
            raise Invalid("artefacts: a number or a name appears twice")


def _name(where: str, value: str) -> None:
    if not value.strip():
        raise Invalid(f"{where}: a name is empty")
    _line(where, value, NAME_LIMIT)


def _line(where: str, value: str, limit: int) -> None:
    if len(value) > limit or _IN_NAME.search(value):
        raise Invalid(f"{where}: at most {limit} characters on one line, without control characters")
