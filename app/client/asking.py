"""What one may ask of a service, in the words of HTTP."""

import itertools
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx2

from app.client.connection import API, BACKOFF_S, RETRIES, Connection, refuse
from app.client.events import Event, parse_events
from app.client.place import Json, Place, Refused

STREAM_TIMEOUT = httpx2.Timeout(60, connect=5)  # the service says something every few seconds
PAGE = 200
RECONNECTS = 5  # in a row, without one event between
RECONNECT_S = 0.5  # seconds before the first one, more before each further one


def part(value: object) -> str:
    """Write a value as one part of a path."""
    return quote(str(value), safe="")


class Asking:
    """One connection to a service. Every call raises `Unreachable` or `Refused`; None in a query was not given.

    Args:
        reconnect_s: seconds before a broken stream of events is taken up again the first time.
        retries: how often a request is sent again after a lost answer, or where the service says to come back.
        backoff_s: seconds before the first of these, twice as long before each further one.
    """

    def __init__(
        self,
        place: Place,
        *,
        reconnect_s: float = RECONNECT_S,
        retries: int = RETRIES,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self._connection, self._reconnect_s = Connection(place, retries=retries, backoff_s=backoff_s), reconnect_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def server(self) -> str | None:
        """Name the service's address, if it is asked over HTTP."""
        place = self._connection.place
        return place.base_url if place.socket is None else None

    def request(self, method: str, path: str, body: Any = None, *, if_match: str | None = None, **query: Any) -> Any:
        """Send any request below /api/v1 and read its JSON; None if it has no answer."""
        headers, what = {"If-Match": if_match} if if_match else {}, {} if body is None else {"json": body}
        answer = self._connection.send(method, path, headers=headers, params=_without_none(query), **what)
        return self._connection.json(answer)

    def raw(self, method: str, path: str, *, media: str = "", **what: Any) -> tuple[str, bytes]:
        """Send any request as it is given to httpx2, and read media type and bytes of the answer."""
        headers = {"Content-Type": media} if media else {}
        answer = self._connection.send(method, path, headers=headers, **what)
        return answer.headers.get("Content-Type", "").partition(";")[0], answer.content

    def get(self, path: str, **query: Any) -> Any:
        """Read one thing."""
        return self.request("GET", path, **query)

    def tagged(self, path: str, **query: Any) -> tuple[Any, str]:
        """Read one thing and its tag, which `put` and `delete` take as `if_match`."""
        answer = self._connection.send("GET", path, params=_without_none(query))
        return self._connection.json(answer), answer.headers.get("ETag", "")

    def post(self, path: str, body: Json | None = None, **query: Any) -> Any:
        """Make or change something."""
        return self.request("POST", path, body, **query)

    def put(self, path: str, body: Json, *, if_match: str | None = None) -> Any:
        """Replace something; with a tag only while it still is what was read."""
        return self.request("PUT", path, body, if_match=if_match)

    def upload(self, path: str, data: bytes, **query: Any) -> Any:
        """Send a file as it is."""
        return self._connection.json(self._connection.send("POST", path, content=data, params=_without_none(query)))

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        """Remove something; with a tag only while it still is what was read."""
        self.request("DELETE", path, if_match=if_match)

    def text(self, path: str, *, start: int = 0, **query: Any) -> bytes:
        """Read a log or a result, from an offset; empty if nothing is behind it."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            return self._connection.send("GET", path, params=_without_none(query), headers=headers).content
        except Refused as refused:
            if refused.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return b""
            raise

    def items(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[Json]:
        """Read a list page by page, at most so many items."""
        limit = PAGE if most is None else min(most, PAGE)
        if limit > 0:
            yield from itertools.islice(self.pages(path, {"limit": limit, **query}), most)

    def pages(self, path: str, query: Json) -> Iterator[Json]:
        """Read a list page by page, with all parameters but the cursor as they are given."""
        asked = _without_none(query)
        while True:
            page = self._connection.json(self._connection.send("GET", path, params=asked))
            yield from page["items"]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def events(self, path: str, **query: Any) -> Iterator[Event]:
        """Listen to events until the service ends the stream; a lost connection goes on where it was."""
        asked = urlencode(_without_none(query))
        path = f"{path}?{asked}" if asked else path
        last_id, failures = None, 0
        while True:
            try:
                for event in self._stream(path, last_id):
                    last_id, failures = event.id or last_id, 0
                    if event.kind == "end":
                        return
                    yield event
            except httpx2.TransportError as problem:
                failures += 1
                if failures > RECONNECTS:
                    self._connection.give_up(problem)
            else:
                failures += 1
                if failures > RECONNECTS:
                    return
            time.sleep(failures * self._reconnect_s)

    def _stream(self, path: str, last_id: str | None) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        with self._connection.http.stream("GET", API + path, headers=headers, timeout=STREAM_TIMEOUT) as answer:
            if answer.is_error:
                answer.read()
                refuse(answer)
            yield from parse_events(answer.iter_lines())


def _without_none(query: Json) -> Json:
    return {name: value for name, value in query.items() if value is not None}
