"""Serve an ASGI application on loopback through Hypercorn, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config


@asynccontextmanager
async def serving(app: Any, *, certificate: tuple[str, str] | None = None) -> AsyncIterator[str]:
    """Give the address while the application is served; with a certificate and its key, by TLS."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    config, stop = Config(), asyncio.Event()
    config.accesslog, config.graceful_timeout = None, 0.5
    config.errorlog = None
    if certificate is not None:
        config.certfile, config.keyfile = certificate
    address = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    config.bind = [f"fd://{listener.detach()}"]
    server = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    try:
        yield address
    finally:
        stop.set()
        await server
