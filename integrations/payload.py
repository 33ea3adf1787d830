"""Read the few fields we need of a forge's JSON. Whatever comes, the answer is a value or Malformed."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict, TypeVar

import msgspec

from integrations.forge import Malformed

MAX_TITLE = 500  # characters kept of a text for people
MAX_TEXT = 65_536  # characters kept of a comment; GitHub takes no longer ones, GitLab does
MAX_LABELS = 100  # kept of a pull request, each with at most MAX_LABEL characters
MAX_LABEL = 255
MAX_NAME = 512  # characters of a repository's name with its owner's or groups'
MAX_REF = 255 + len("refs/heads/")  # characters; git itself allows about 4,000, file systems 255 per part
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PART = re.compile(r"[A-Za-z0-9_.+-]+", re.ASCII)
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$")

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]  # what the database takes
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
T = TypeVar("T")


class _Numbered(msgspec.Struct):
    id: Id


class Labels(TypedDict):
    """What an event says of labels."""

    label: str | None
    new_labels: tuple[str, ...]
    labels: tuple[str, ...]


def read(body: bytes, kind: type[T]) -> T:
    """Decode a JSON object into a struct; fields it does not name are skipped.

    Raises:
        Malformed: not JSON, not an object, too deep, or a named field is missing or of a wrong type.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as problem:
        return _convert(_load(body), kind, problem)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _convert(_load(body), kind, None)


def _convert(data: Any, kind: type[T], before: msgspec.ValidationError | None) -> T:
    if not isinstance(data, dict):
        raise Malformed("the body is not a JSON object")
    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as problem:
        raise Malformed(f"the body lacks what we need: {before or problem}") from None


def _load(body: bytes) -> Any:
    """Read JSON that the fast decoder refuses, as lone surrogates, which forges do send."""
    try:
        return _clean(json.loads(body))
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON that can be read") from None


def _clean(data: Any) -> Any:
    """Replace lone surrogates, which no database or terminal takes."""
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()
    if isinstance(data, list):
        return [_clean(each) for each in data]
    if isinstance(data, dict):
        return {str(_clean(name)): _clean(each) for name, each in data.items()}
    return data


def id_in(body: bytes, *places: str) -> int | None:
    """Read the first numeric id that a body has in one of these fields, as `{"id": 1}` or as the number itself.

    Whoever sent the body may not be known yet: it is read without building what it holds.

    Raises:
        Malformed: not a JSON object.
    """
    try:
        found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = _plainer(body)
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    return next((number for place in places if (number := _number(found.get(place))) is not None), None)


def _plainer(body: bytes) -> dict[str, msgspec.Raw]:
    """Read a body once more without the lone surrogates and bytes that JSON forbids and forges send."""
    plain = _SURROGATE.sub(rb"\\ufffd", body.decode("utf-8", "replace").encode())
    try:
        return msgspec.json.decode(plain, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("the body is not a JSON object") from None


def _number(raw: msgspec.Raw | None) -> int | None:
    if raw is None:
        return None
    try:
        found = msgspec.json.decode(raw, type=_Numbered | Id)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found.id if isinstance(found, _Numbered) else found


def commit(text: str) -> str:
    """Check a full hash.

    Raises:
        Malformed: it is none, or all zeros.
    """
    if not SHA.fullmatch(text) or is_zero(text):
        raise Malformed(f"not a commit: {text[:80]!r}")
    return text


def is_zero(text: str) -> bool:
    """Tell the hash that stands for nothing: 40 zeros, or 64."""
    return bool(SHA.fullmatch(text)) and not text.strip("0")


def ref(text: str) -> str:
    """Check a full ref name, as `git check-ref-format` would, and bounded.

    Raises:
        Malformed: git would refuse it, or it is longer than we take.
    """
    if len(text) > MAX_REF or not text.startswith("refs/") or _BAD_REF.search(text):
        raise Malformed(f"not a ref we take: {text[:80]!r}")
    return text


def branch(text: str) -> str:
    """Check a branch name; see `ref`."""
    return ref(f"refs/heads/{text}").removeprefix("refs/heads/")


def title(text: str | None) -> str:
    """Take the first line of a text for people, without characters that steer a terminal or turn the text around."""
    lines = (text or "").strip().splitlines()
    return _CONTROL.sub(" ", lines[0]).strip()[:MAX_TITLE] if lines else ""


def full_name(text: str) -> str:
    """Take a repository's name if it is one; else give none, so that nothing is renamed to it."""
    parts = text.split("/")
    is_one = len(parts) > 1 and all(_PART.fullmatch(part) and part.strip(".") for part in parts)
    return text if is_one and len(text) <= MAX_NAME else ""


def text(given: str | None) -> str:
    """Take a comment's text as it is, bounded and without what no database takes."""
    return (given or "")[:MAX_TEXT].replace("\0", "").replace("\r\n", "\n")


def labels(new: list[str], have: list[str]) -> Labels:
    """Take the names of labels: those that were just set, and all there are now."""
    fresh, now = (tuple(title(each)[:MAX_LABEL] for each in given[:MAX_LABELS]) for given in (new, have))
    return {"label": fresh[0] if fresh else None, "new_labels": fresh, "labels": now}


def moment(text: str | None) -> datetime | None:
    """Read a forge's time (ISO 8601, or GitLab's `2026-01-31 12:00:00 UTC`); None if it is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
