"""Hints for pages that are open: look again."""

from quart import Response

from app.web import sse
from app.web.pages.answer import deps, number, pages, text


@pages.get("/events")
async def events() -> Response:
    """Say that something changed: `?topics=job pipeline builder`, and only of one pipeline or job if asked."""
    topics = sse.TOPICS & set((text("topics") or "").split()) or sse.TOPICS
    about = {name: value for name in ("pipeline", "job") if (value := number(name)) is not None}
    return sse.stream(sse.hints(deps(), topics, about, sse.stopping()))
