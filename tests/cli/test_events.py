"""Reading server-sent events, also over lines that break."""

import asyncio

import pytest

from app.client import Client, Event, Place, parse_events
from app.errors import Unreachable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def test_events_are_read_as_browsers_read_them() -> None:
    lines = [
        ": still here",
        "",
        "id: 1:5",
        "event: log",
        "data: one",
        "data:two",
        "",
        "data: three",
        "",
        "data: cut off",
    ]

    assert list(parse_events(lines)) == [Event("log", "one\ntwo", "1:5"), Event("message", "three", "1:5")]


async def test_a_broken_line_goes_on_where_it_was() -> None:
    asked: list[bytes] = []
    parts = [
        b"id: 1:3\nevent: log\ndata: one\n\nevent: log\nda",
        b"id: 1:6\nevent: log\ndata: two\n\nevent: end\ndata: passed\n\n",
    ]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HEAD + parts[len(asked) - 1])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    got = await asyncio.to_thread(_listen, f"http://127.0.0.1:{port}")
    server.close()

    assert [event.data for event in got] == ["one", "two"]
    assert b"last-event-id" not in asked[0].lower()
    assert b"Last-Event-ID: 1:3" in asked[1]


async def test_a_service_that_stays_away_is_given_up() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    with pytest.raises(Unreachable, match="rigline serve"):
        await asyncio.to_thread(_listen, f"http://127.0.0.1:{port}")


def _listen(url: str) -> list[Event]:
    with Client(Place(server=url), reconnect_s=0.0) as client:
        return list(client.events("/jobs/1/log/stream"))
