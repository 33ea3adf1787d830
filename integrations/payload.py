"""Read the few fields we need of a forge's JSON. Whatever comes, the answer is a value or Malformed."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from integrations.forge import Malformed

MAX_TITLE = 500  # characters kept of a text for people
MAX_REF = 255 + len("refs/heads/")  # characters; git itself allows about 4,000, file systems 255 per part
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$")

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]  # what the database takes
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
T = TypeVar("T")


class _Repository(msgspec.Struct):
    id: Id


class _AboutRepository(msgspec.Struct):
    repository: _Repository | None = None
    project: _Repository | None = None


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


def repository_of(body: bytes) -> int | None:
    """Read the numeric id of the repository (GitLab: project) a body speaks of; None if it names none.

    Raises:
        Malformed: not a JSON object.
    """
    try:
        about = read(body, _AboutRepository)
    except Malformed:
        if not isinstance(_load(body), dict):
            raise Malformed("the body is not a JSON object") from None
        return None
    found = about.project or about.repository
    return None if found is None else found.id


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


def moment(text: str | None) -> datetime | None:
    """Read a forge's time (ISO 8601, or GitLab's `2026-01-31 12:00:00 UTC`); None if it is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
