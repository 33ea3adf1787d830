"""The pages people read: rendered on the server, readable without JavaScript, live where it helps.

Every page has its data at the same address with `.json` (the start page: `/index.json`).
"""

from quart import Quart

from app.web.pages import (
    accepting,
    admission,
    alerts,
    board_pages,
    comparing,
    dashboard,
    deliveries,
    delivery,
    events,
    feeds,
    forges,
    history,
    jobs,
    lab,
    lab_buttons,
    pipelines,
    pulls,
    repositories,
    shifts,
    unsubscribe,
)
from app.web.pages.answer import pages
from app.web.pages.filters import FILTERS, GLOBALS, TEMPLATE_OPTIONS, static_versions

__all__ = ["pages", "register"]

_ROUTES = (
    accepting,
    admission,
    alerts,
    board_pages,
    comparing,
    dashboard,
    deliveries,
    delivery,
    events,
    feeds,
    forges,
    history,
    jobs,
    lab,
    lab_buttons,
    pipelines,
    pulls,
    repositories,
    shifts,
    unsubscribe,
)  # imported for their routes


def register(app: Quart) -> None:
    """Set templates up: strict, escaped, with our filters. Call it before the first page is rendered."""
    app.jinja_options = {**app.jinja_options, **TEMPLATE_OPTIONS}
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update({**GLOBALS, "versions": static_versions(app.static_folder)})
