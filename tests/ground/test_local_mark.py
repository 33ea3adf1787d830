"""Who comes over the Unix socket is admin: nothing sent over TCP may look the same."""

import asyncio
import json

import httpx2
import pytest

from app.cli import web


async def echo(scope, receive, send):
    """Answer with what the scope says about the socket; an application that is nothing else."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = json.dumps({"local": scope["rigline.local"], "client": scope["client"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def sockets(settings):
    with web.listening(settings.model_copy(update={"port": 0})) as opened:
        stop, port = asyncio.Event(), opened.tcp.getsockname()[1]
        async with asyncio.TaskGroup() as group:
            for on, is_local in ((opened.tcp, False), (opened.local, True)):
                group.create_task(web.serve_on(web.marked(echo, local=is_local), on, stop=stop))
            yield port, settings.socket
            stop.set()


async def test_only_the_unix_socket_is_local(sockets):
    port, path = sockets
    forged = {
        "rigline.local": "true",
        "rigline-local": "true",
        "x-forwarded-for": "unix:",
        "forwarded": "for=unix",
        "host": "rigline.sock",
    }

    async with httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=str(path))) as client:
        assert (await client.get("http://rigline/")).json() == {"local": True, "client": None}
    async with httpx2.AsyncClient() as client:
        answer = (await client.get(f"http://127.0.0.1:{port}/?rigline.local=true", headers=forged)).json()
        assert answer["local"] is False


async def test_a_scope_that_claims_to_be_local_is_overruled():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)

    await web.marked(app, local=False)({"type": "http", "rigline.local": True}, None, None)

    assert seen["rigline.local"] is False
