"""Make the web application: wiring only."""

import asyncio
import traceback
from pathlib import Path
from typing import Any

import structlog
from quart import Quart, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from app import journal
from app.db.session import is_away
from app.deps import Deps
from app.errors import ApiError, Unavailable
from app.measures import BUGS
from app.web import admission
from app.web import errors as web_errors
from app.web.api import api, described
from app.web.compression import compress
from app.web.health import DRAINING, health
from app.web.hooks import hooks
from app.web.intake import Intake
from app.web.leases import leases
from app.web.metrics import count_requests, metrics
from app.web.pages import pages
from app.web.pages import register as register_pages

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
MAX_BODY = 26 << 20  # bytes: GitHub delivers up to 25 MB; other routes bound themselves further
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; "  # widths of bars and tallies stand in attributes
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

log = structlog.get_logger()


def create_app(deps: Deps) -> Quart:
    """Wire routes, error answers and headers around the given dependencies."""
    app = Quart(
        "rigline",
        template_folder=str(TEMPLATES),
        static_folder=str(TEMPLATES / "static"),
        root_path=str(TEMPLATES),
    )
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, PROVIDE_AUTOMATIC_OPTIONS=True)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["deps"] = deps
    app.extensions["intake"] = Intake()
    register_pages(app)
    for blueprint in (hooks, leases, api, described, health, metrics, pages):
        app.register_blueprint(blueprint)
    app.before_request(_name_what_it_is_about)
    app.before_request(admission.look)
    app.context_processor(admission.shown)
    app.after_request(compress)
    count_requests(app)
    app.after_request(_add_headers)
    _register_errors(app)
    return app


async def _name_what_it_is_about() -> None:
    journal.about(request.view_args)


async def _add_headers(response: Response) -> Response:
    draining: asyncio.Event | None = current_app.extensions.get(DRAINING)
    if draining is not None and draining.is_set():
        response.headers["Connection"] = "close"  # whoever comes back finds another process
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _register_errors(app: Quart) -> None:
    app.register_error_handler(ApiError, web_errors.answer)
    app.register_error_handler(HTTPException, web_errors.answer_http)
    for away in web_errors.AWAY:
        app.register_error_handler(away, _answer_away)
    app.register_error_handler(Exception, _answer_bug)


async def _answer_away(problem: Exception) -> Any:
    log.warning("dependency_away", path=request.path, error=str(problem)[:200])
    g.setdefault("visitor", None)  # the page of the refusal asks nothing of what is away
    return await web_errors.answer(Unavailable("The database or Redis does not answer. Try again in a moment."))


async def _answer_bug(problem: Exception) -> Any:
    if isinstance(problem, asyncio.CancelledError):
        raise problem
    if is_away(problem):
        return await _answer_away(problem)
    BUGS.inc()
    log.error(
        "bug",
        path=request.path,
        method=request.method,
        trace="".join(traceback.format_exception(problem)),
    )
    return await web_errors.answer(ApiErrorBug(web_errors.WORDS[web_errors.BUG]))


class ApiErrorBug(ApiError):
    """Our fault: the log has the trace."""

    status, code = web_errors.BUG, "bug"
