"""Answers that a caller may keep: asked again with their tag, they are not sent again while they are the same."""

import hashlib
from http import HTTPStatus

from quart import Response, request


def kept(body: str, content_type: str) -> Response:
    """Answer with a text and its tag, or with 304 if `If-None-Match` names that tag.

    Source:
        RFC 9110, 13.1.2: the comparison is weak, since a proxy that compresses makes a tag weak.
    """
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if _is_named(tag, request.headers.get("If-None-Match", "")):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, content_type=content_type, headers=headers)


def _is_named(tag: str, header: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in header.split(",")]
    return tag in known or known == ["*"]
