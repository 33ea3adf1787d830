"""Tell whether a value is what a type says, keys of typed dictionaries included."""

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is as its type says; keys that the type does not know do no harm."""
    inner = get_args(kind)
    if is_typeddict(kind):
        return _has_keys(value, kind)
    if get_origin(kind) in (Union, UnionType):
        return any(fits(value, each) for each in inner)
    if get_origin(kind) is Literal:
        return value in inner
    if get_origin(kind) is list:
        return isinstance(value, list) and all(fits(each, inner[0]) for each in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(fits(each, inner[1]) for each in value.values())
    return _is(value, kind)


def _has_keys(value: Any, kind: Any) -> bool:
    if not isinstance(value, dict) or not kind.__required_keys__ <= value.keys():
        return False
    return all(fits(value[key], each) for key, each in get_type_hints(kind).items() if key in value)


def _is(value: Any, kind: Any) -> bool:
    if kind in (int, float) and isinstance(value, bool):
        return False
    return kind is Any or isinstance(value, (int, float) if kind is float else kind)
