"""Wire models as JSON: to plain values and back, with every type checked."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import StrEnum
from typing import Any, TypeVar

Model = TypeVar("Model")


def to_json(model: Any) -> dict[str, Any]:
    """Turn a wire model into plain values for `json.dumps`."""
    return dataclasses.asdict(model)


def from_json(kind: type[Model], data: Any) -> Model:
    """Read a wire model from parsed JSON; unknown keys are ignored, so that a newer peer may add some.

    Raises:
        ValueError: a key is missing or a value has the wrong type; the text names it.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__}: expected an object, got {type(data).__name__}")  # noqa: TRY004 - wrong text
    hints = typing.get_type_hints(kind)
    known = {each.name for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    try:
        return kind(**{key: _read(hints[key], value, key) for key, value in data.items() if key in known})
    except TypeError as problem:
        raise ValueError(f"{kind.__name__}: {problem}") from problem


def _read(kind: Any, value: Any, key: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _read(next(each for each in args if each is not type(None)), value, key)
    if origin is list and isinstance(value, list):
        return [_read(args[0], each, key) for each in value]
    if origin is dict and isinstance(value, dict):
        return {str(name): _read(args[1], each, key) for name, each in value.items()}
    return _read_plain(kind, value, key)


def _read_plain(kind: type[Any], value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return from_json(kind, value)
    if issubclass(kind, StrEnum) and isinstance(value, str):
        return kind(value)
    if isinstance(value, bool) is not (kind is bool):
        raise ValueError(f"{key}: expected {kind.__name__}, got {value!r:.100}")
    if kind is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, kind):
        raise ValueError(f"{key}: expected {kind.__name__}, got {type(value).__name__}")  # noqa: TRY004 - wrong text
    return value
