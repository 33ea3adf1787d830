"""The one line that a page holds open: it says that something changed; the page fetches what it shows."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

from quart import Response, request

from app.db import sight
from app.db.sight import Sight
from app.notices import RECORDED
from app.web import admission, sse
from app.web.changes import Change, Changes, Concerns, News, Over, Position
from app.web.pages.answer import number, pages, text
from app.web.pages.fresh import changes

LONGEST_S = 900.0  # then the page comes back by itself, and it is looked anew who it is
RETRY_MS = (300, 1500)  # pages that a process has to leave do not all come back at once
ABOUT = ("pipeline", "job", "builder", "repository")


@pages.get("/events")
async def events() -> Response:
    """Say what changed since `Last-Event-ID`, or `?at=`: `?topics=job pipeline`, and only of one pipeline, … if asked.

    Events `changed` name the topics, `over` a pipeline that has ended and that the page is about or its reader asked
    for; `reset` says that the page is to be looked at wholly. Each has an id that any web process goes on from.
    """
    topics = RECORDED & set((text("topics") or "").split()) or RECORDED
    about = {name: value for name in ABOUT if (value := number(name)) is not None}
    since = Position.read(request.headers.get("Last-Event-ID", "")) or Position.read(text("at") or "")
    visitor = await admission.visitor()
    told = _Told(about.get("pipeline"), visitor.name if visitor else None, sight.current())
    return sse.stream(told.of(changes(), since, told.concerning(topics, about), sse.stopping()))


class _Told:
    """Writes news as events for one reader."""

    def __init__(self, pipeline: int | None, name: str | None, seen: Sight | None) -> None:
        self._pipeline = pipeline
        self._name = name
        self._sight = seen

    def concerning(self, topics: frozenset[str], about: dict[str, int]) -> Concerns:
        """Choose by topic and by what is asked about, where a hint that does not say counts; and what is theirs."""

        def concerns(change: Change) -> bool:
            if not self._may_hear(change):
                return False
            if change.over and self._is_theirs(change.over):
                return True
            if topics.isdisjoint(change.topics):
                return False
            return all(getattr(change, name) in (None, wanted) for name, wanted in about.items())

        return concerns

    def _may_hear(self, change: Change) -> bool:
        """Say nothing of what the reader may not see, nor of what nobody could look up."""
        return self._sight is None or self._sight.shows(change.repository, change.is_private)

    def _is_theirs(self, over: Over) -> bool:
        return over.pipeline == self._pipeline or (self._name is not None and over.requested_by == self._name)

    async def of(
        self, known: Changes, since: Position | None, concerns: Concerns, stopped: asyncio.Event
    ) -> AsyncIterator[str]:
        """Write until the process stops, or long enough."""
        until = time.monotonic() + LONGEST_S
        async with contextlib.aclosing(known.listen(since, concerns, sse.HEARTBEAT_S, stopped)) as heard:
            first = await anext(heard)
            retry_ms = random.randint(*RETRY_MS)  # noqa: S311  # no secret hangs on it
            yield f": the line stands\nretry: {retry_ms}\nid: {first.at}\n\n"
            async for news in heard:
                for event in self._written(news):
                    yield event
                if time.monotonic() > until:
                    return

    def _written(self, news: News) -> list[str]:
        if news.is_reset:
            return [sse.event("reset", "all", news.at)]
        if not news.topics:
            return [
                f": still here\nid: {news.at}\n\n"
            ]  # no event, but a sign of life that a page that is cut off goes on from
        mine = [
            sse.event("over", {"pipeline": each.pipeline, "state": each.state, "title": each.title}, news.at)
            for each in news.over
            if self._is_theirs(each)
        ]
        return [*mine, sse.event("changed", {"topics": sorted(news.topics)}, news.at)]
