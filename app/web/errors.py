"""Turn a refusal into an answer: JSON for programs, a page for people."""

from http import HTTPStatus
from typing import Any

import redis
import sqlalchemy as sa
from quart import Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from app.errors import ApiError

AWAY = (  # what says that the database or Redis does not answer
    redis.ConnectionError,
    redis.TimeoutError,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,  # no connection came free in time
    OSError,
)

BUG = HTTPStatus.INTERNAL_SERVER_ERROR
PROGRAM_PATHS = (
    "/api/",
    "/webhooks/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
)
WORDS = {  # for what the framework refuses by itself
    HTTPStatus.NOT_FOUND: "Nothing is at this address. It may be mistyped, or what was here was deleted; the pages "
    "above lead to all there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address takes another kind of request: it may be that of a button, which is "
    "pressed on its page and cannot be opened.",
    BUG: "This is a fault of the service, and its log says what happened. Try again; if it stays, report it.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "This is more than the service takes in one request.",
}


CODES = {  # of what the framework refuses by itself, where our own refusal has another name than the status
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "wrong_media_type",
    BUG: "bug",
}


async def answer(problem: ApiError) -> Response:
    """Say it in JSON, or as a page where a person asked."""
    error = {"code": problem.code, "message": problem.message, **problem.extra}
    response = await _body(error, problem.status)
    response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


async def answer_http(problem: HTTPException) -> Response:
    """Say a refusal of the framework itself, as 404 for an unknown address, in the same form."""
    if problem.response is not None:
        return problem.response  # type: ignore[return-value]
    status = HTTPStatus(problem.code or BUG)
    response = await _body(
        {
            "code": CODES.get(status, status.name.lower()),
            "message": WORDS.get(status) or problem.description or status.phrase,
        },
        status,
    )
    response.status_code = status
    return response


async def _body(error: dict[str, Any], status: HTTPStatus) -> Response:
    if request.path.startswith(PROGRAM_PATHS) or request.path.endswith(".json"):
        return jsonify({"error": error})
    return Response(
        await render_template("error.html", error=error, status=status),
        content_type="text/html; charset=utf-8",
    )
