"""The pages people read: rendered on the server, readable without JavaScript, live where it helps.

Every page has its data at the same address with `.json` (the start page: `/index.json`).
"""

import base64
from pathlib import Path

from quart import Quart, Response, request

from app.web.pages import (
    accepting,
    account,
    admin,
    admin_buttons,
    alerts,
    audit_trail,
    backups,
    board_pages,
    comparing,
    dashboard,
    deliveries,
    delivery,
    dispatching,
    events,
    feeds,
    forge_login,
    forges,
    history,
    job_log,
    jobs,
    lab,
    lab_buttons,
    login,
    new_password,
    pipelines,
    pulls,
    queue,
    repositories,
    schedules,
    served,
    settings,
    settings_buttons,
    shifts,
    unsubscribe,
    welcome,
)
from app.web.pages.answer import pages
from app.web.pages.filters import FILTERS, GLOBALS, TEMPLATE_OPTIONS, static_versions

__all__ = ["pages", "register"]

_ROUTES = (
    forge_login,
    welcome,
    new_password,
    admin_buttons,
    admin,
    account,
    accepting,
    alerts,
    audit_trail,
    backups,
    board_pages,
    comparing,
    dashboard,
    deliveries,
    delivery,
    dispatching,
    events,
    feeds,
    forges,
    history,
    job_log,
    jobs,
    lab,
    lab_buttons,
    login,
    pipelines,
    pulls,
    queue,
    repositories,
    schedules,
    served,
    settings,
    settings_buttons,
    shifts,
    unsubscribe,
)  # imported for their routes


def _inline(folder: Path | str | None, name: str) -> str:
    """Write a small picture as an address: one request less on every page."""
    picture = (Path(folder or "") / name).read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"


FOR_EVER = "public, max-age=31536000, immutable"  # a year: the most that caches are told


def register(app: Quart) -> None:
    """Set templates up: strict, escaped, with our filters. Call it before the first page is rendered."""
    versions = static_versions(app.static_folder)

    async def keep_static(response: Response) -> Response:
        """Let a file whose address holds its own hash be kept: another content has another address."""
        name = (request.view_args or {}).get("filename", "")
        if request.endpoint == "static" and name in versions and request.args.get("v") == versions[name]:
            response.headers["Cache-Control"] = FOR_EVER
        return response

    app.after_request(keep_static)
    app.jinja_options = {**app.jinja_options, **TEMPLATE_OPTIONS}
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update({**GLOBALS, "versions": versions, "icon": _inline(app.static_folder, "mark.svg")})
