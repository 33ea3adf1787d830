"""Serve bare repositories over git's smart HTTP, as a forge does: an ASGI application around git's own CGI program.

Fetching only. A repository listed as private wants the token as the password of basic authentication.
"""

import asyncio
import base64
import hmac
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
CHUNK = 1 << 16  # bytes
REFUSED = {401: b"Authentication is required.\n", 403: b"Only fetching is possible here.\n"}


class GitHttp:
    """One folder of bare repositories: `/owner/name.git/…` is served from `folder/owner/name.git`."""

    def __init__(self, folder: Path, *, private: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._private = dict(private or {})  # "owner/name.git" → token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # nothing to do at start and stop
        refused = self._refusal(scope)
        if refused:
            await _refuse(send, refused)
            return
        child = await asyncio.create_subprocess_exec(
            "git", "http-backend", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._environment(scope)
        )
        try:
            await asyncio.gather(_feed(child, receive), _answer(child, send))
        except BaseException:
            child.kill()
            raise
        finally:
            await child.wait()

    def _refusal(self, scope: Scope) -> int | None:
        if "git-receive-pack" in scope["path"] or b"git-receive-pack" in scope["query_string"]:
            return 403
        name = "/".join(scope["path"].strip("/").split("/")[:2])
        token = self._private.get(name)
        if token is None or hmac.compare_digest(_password(scope), token.encode()):
            return None
        return 401

    def _environment(self, scope: Scope) -> dict[str, str]:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        return {
            "PATH": os.defpath,
            "GIT_PROJECT_ROOT": str(self._folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",  # the repositories may belong to another account
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "PATH_INFO": scope["path"],
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "REQUEST_METHOD": scope["method"],
            "CONTENT_TYPE": headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        }


def _password(scope: Scope) -> bytes:
    given = dict(scope["headers"]).get(b"authorization", b"")
    scheme, _, encoded = given.partition(b" ")
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(encoded).partition(b":")[2]
    except ValueError:
        return b""


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain")]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="git"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSED[status]})


async def _feed(child: asyncio.subprocess.Process, receive: Receive) -> None:
    if child.stdin is None:
        raise TypeError("the child needs a pipe as its input")
    more = True
    while more:
        message = await receive()
        child.stdin.write(message.get("body", b""))
        more = message.get("more_body", False)
    child.stdin.close()


async def _answer(child: asyncio.subprocess.Process, send: Send) -> None:
    if child.stdout is None:
        raise TypeError("the child needs a pipe as its output")
    status, headers = 200, []
    while line := (await child.stdout.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while chunk := await child.stdout.read(CHUNK):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
