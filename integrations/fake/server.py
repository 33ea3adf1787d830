"""A GitHub and a GitLab over HTTP, in memory: enough of their REST for the real clients, as a bare ASGI app.

GitHub is below `/github/api/v3`, as an enterprise server has it; GitLab below `/gitlab/api/v4`.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from integrations.fake import github_api, gitlab_api
from integrations.fake.answer import Answer, Refusal
from integrations.fake.world import Call, World

GITHUB, GITLAB = "/github/api/v3", "/gitlab/api/v4"
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class FakeServer:
    """Answers for a world, and records every request there."""

    def __init__(self, world: World, *, token: str | None = None) -> None:
        self.world = world
        self._token = token  # what must come in the header, if anything

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or a lifespan message."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode()
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(receive)
        if body is None:
            return
        data = _read(headers.get("content-type", ""), body)
        query = _query(scope.get("query_string", b"").decode())
        answer = self._answer(scope["method"], path, headers, query if data is None else data)
        call = Call(method=scope["method"], path=path, headers=headers, body=data, answer=answer.status, query=query)
        self.world.take(call)
        if self.world.gate is not None:
            await self.world.gate(scope["method"], path)
        await _send(send, answer)

    def _answer(self, method: str, path: str, headers: Mapping[str, str], data: Any) -> Answer:
        failure = self.world.failure_for(path)
        if failure is not None:
            return Answer(failure.status, {"message": failure.message}, dict(failure.headers))
        bearer = headers.get("authorization", "").rpartition(" ")[2]
        signed_in = self.world.sign_in.answer(method, path, data, bearer)
        if signed_in is not None:
            return signed_in
        if not self._knows(path, bearer, headers.get("private-token")):
            return Answer(401, {"message": "Bad credentials"})
        try:
            return self._route(method, path, data)
        except Refusal as refused:
            return refused.answer

    def _knows(self, path: str, bearer: str, private: str | None) -> bool:
        """Tell whether a request shows what its path wants: GitHub's App for itself, its tokens for the rest."""
        if self.world.app is None or not path.startswith(GITHUB):
            return self._token is None or self._token in (bearer, private)
        about = path.removeprefix(GITHUB)
        if about.startswith("/app") or about.endswith("/installation"):
            return self.world.app.has_signed(bearer) or about.startswith("/app-manifests/")
        installation = self.world.app.installation_of(bearer)
        named = self.world.by_name("/".join(about.split("/")[2:4])) if about.startswith("/repos/") else None
        return installation is not None and (named is None or named.installation == installation)

    def _route(self, method: str, path: str, data: Any) -> Answer:
        for prefix, routes in ((GITHUB, github_api.ROUTES), (GITLAB, gitlab_api.ROUTES)):
            if not path.startswith(prefix + "/"):
                continue
            for verb, pattern, handler in routes:
                found = re.fullmatch(pattern, path.removeprefix(prefix))
                if found and verb == method:
                    handle: Callable[..., Answer] = handler
                    return handle(self.world, *(unquote(part) for part in found.groups()), data)
        return Answer(404, {"message": "Not Found"})


def _read(kind: str, body: bytes) -> Any:
    """Read a body: JSON, or a form."""
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode()))
    return json.loads(body) if body else None


def _query(text: str) -> dict[str, Any]:
    """Read a query; a name with brackets holds a list."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text):
        if name.endswith("[]"):
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


async def _body(receive: Receive) -> bytes | None:
    """Read a whole body; None: who asked is gone before its end, and nothing was asked."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    headers = {"content-type": "application/json", "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999"}
    headers |= {"x-ratelimit-reset": "4102444800", **answer.headers}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": json.dumps(answer.data).encode()})


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
