"""Speak with a Rigline service: the public API over HTTP or its Unix socket. Base install only."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn, Self

import httpx2

from app.errors import Unreachable

API = "/api/v1"
DEFAULT_SERVER = "http://127.0.0.1:8000"
SOCKET_NAME = "rigline.sock"
TIMEOUT = httpx2.Timeout(30, connect=5)  # seconds
STREAM_TIMEOUT = httpx2.Timeout(60, connect=5)  # the service says something every few seconds
PAGE = 200
RECONNECTS = 5  # in a row, without one event between
RECONNECT_S = 0.5  # seconds before the first one, more before each further one

Json = dict[str, Any]


class Refused(Exception):
    """The service said no."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the service is, and as whom to ask."""

    server: str | None = None  # its address over HTTP
    socket: Path | None = None  # goes before the address
    token: str | None = None

    @classmethod
    def chosen(cls, server: str | None, socket: Path | None, token: str | None, data_dir: Path) -> Self:
        """Take what was given, else the socket below the data directory if there is one, else the usual address."""
        if server is None and socket is None:
            near = data_dir / SOCKET_NAME
            return cls(socket=near, token=token) if near.is_socket() else cls(server=DEFAULT_SERVER, token=token)
        return cls(server=server, socket=socket, token=token)

    @property
    def base_url(self) -> str:
        """Name the address that requests start with."""
        return (self.server or "http://rigline").rstrip("/")

    def __str__(self) -> str:
        return self.base_url if self.socket is None else f"the socket {self.socket}"


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    kind: str
    data: str
    id: str | None


class Client:
    """One connection to a service. Every call raises `Unreachable` or `Refused`."""

    def __init__(self, place: Place, *, reconnect_s: float = RECONNECT_S) -> None:
        if place.socket is not None and not place.socket.is_socket():
            raise Unreachable(f"There is no socket {place.socket}. Start the service with `rigline serve`.")
        self._place, self._reconnect_s = place, reconnect_s
        headers = {"Authorization": f"Bearer {place.token}"} if place.token and place.socket is None else {}
        transport = None if place.socket is None else httpx2.HTTPTransport(uds=str(place.socket))
        self._http = httpx2.Client(base_url=place.base_url, headers=headers, timeout=TIMEOUT, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def server(self) -> str | None:
        """Name the service's address, if it is asked over HTTP."""
        return self._place.base_url if self._place.socket is None else None

    def get(self, path: str, **query: Any) -> Any:
        """Read one thing."""
        return self._json(self._send("GET", path, params=_without_none(query)))

    def post(self, path: str, body: Json | None = None) -> Any:
        """Make or change something."""
        return self._json(self._send("POST", path, json=body))

    def put(self, path: str, body: Json) -> Any:
        """Replace something."""
        return self._json(self._send("PUT", path, json=body))

    def upload(self, path: str, data: bytes, **query: Any) -> Any:
        """Send a file as it is."""
        return self._json(self._send("POST", path, content=data, params=_without_none(query)))

    def delete(self, path: str) -> None:
        """Remove something."""
        self._send("DELETE", path)

    def text(self, path: str, *, start: int = 0, **query: Any) -> bytes:
        """Read a log or a result, from an offset; empty if nothing is behind it."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            return self._send("GET", path, params=_without_none(query), headers=headers).content
        except Refused as refused:
            if refused.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return b""
            raise

    def items(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[Json]:
        """Read a list page by page, at most so many items."""
        cursor, left = None, most
        while left is None or left > 0:
            page = self.get(path, cursor=cursor, limit=PAGE if left is None else min(left, PAGE), **query)
            yield from page["items"]
            cursor = page["next"]
            left = None if left is None else left - len(page["items"])
            if cursor is None:
                return

    def events(self, path: str) -> Iterator[Event]:
        """Listen to events until the service ends the stream; a lost connection goes on where it was."""
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
                    self._give_up(problem)
            else:
                failures += 1
                if failures > RECONNECTS:
                    return
            time.sleep(failures * self._reconnect_s)

    def _stream(self, path: str, last_id: str | None) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        with self._http.stream("GET", API + path, headers=headers, timeout=STREAM_TIMEOUT) as answer:
            if answer.is_error:
                answer.read()
                _refuse(answer)
            yield from parse_events(answer.iter_lines())

    def _send(self, method: str, path: str, **what: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, API + path, **what)
        except httpx2.TransportError as problem:
            self._give_up(problem)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as problem:
            raise Unreachable(f"{self._place} is no address of a service: {problem}") from None
        if answer.is_error or answer.is_redirect:
            _refuse(answer)
        return answer

    def _json(self, answer: httpx2.Response) -> Any:
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return answer.json()
        except ValueError:
            raise Unreachable(f"{self._place} answers, but not as Rigline does. Is the address right?") from None

    def _give_up(self, problem: httpx2.TransportError) -> NoReturn:
        raise Unreachable(
            f"{self._place} does not answer ({problem or type(problem).__name__}). Start it with `rigline serve`, "
            "or say where it is with --server or --socket."
        ) from None


def parse_events(lines: Iterable[str]) -> Iterator[Event]:
    """Read server-sent events out of lines.

    Source:
        WHATWG HTML, 9.2.6: fields, comments, and a blank line that ends an event.
    """
    kind, data, event_id = "message", list[str](), None
    for line in lines:
        if not line:
            if data:
                yield Event(kind, "\n".join(data), event_id)
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            event_id = value


def _refuse(answer: httpx2.Response) -> NoReturn:
    try:
        error = json.loads(answer.content)["error"]
        raise Refused(answer.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, TypeError, KeyError):
        raise Unreachable(
            f"{answer.url.copy_with(query=None)} answers {answer.status_code}, but not as Rigline does. "
            "Is the address right?"
        ) from None


def _without_none(query: Json) -> Json:
    return {name: value for name, value in query.items() if value is not None}
