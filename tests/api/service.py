"""A real service over HTTP and its Unix socket, and a builder played by hand."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app import journal
from app.cli import web
from app.settings import Settings

HASH = "0123456789abcdef0123456789abcdef01234567"
REMOTE = "https://git.example/acme/app.git"
WEBHOOK_SECRET = "only the forge and we know"
PASSWORD = "correct horse battery"

Json = dict[str, Any]


@dataclass
class Service:
    """A running service: `local` is the Unix socket, `web` anybody over HTTP."""

    url: str
    settings: Settings
    local: httpx2.AsyncClient
    web: httpx2.AsyncClient
    _users: int = 0
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def token(self, role: str | None = "committer", name: str = "") -> str:
        """Make a user with a token."""
        self._users += 1
        name = name or f"{role}-{self._users}"
        (await self.local.post("/users", json={"name": name, "role": role})).raise_for_status()
        made = await self.local.post("/tokens", json={"user": name, "name": "test"})
        return str(made.raise_for_status().json()["token"])

    async def builder(self, name: str = "shelf", **boards: list[str]) -> "Builder":
        """Register a builder with boards, each with its configurations."""
        made = (await self.local.post("/builders", json={"name": name})).raise_for_status().json()
        http = httpx2.AsyncClient(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {made['token']}", "Rigline-Protocol": "1"},
            timeout=30,
        )
        await self.opened.enter_async_context(http)
        builder = Builder(http, list(boards or {"desk": []}))
        await builder.greet(boards or {"desk": ["fast"]})
        return builder

    async def delivery(self) -> int:
        """Receive a push of a repository that is not served; return the delivery's id."""
        body = json.dumps({"ref": "refs/heads/main", "repository": {"id": 1, "full_name": "acme/app"}}).encode()
        digest = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": str(uuid.uuid4()), "Content-Type": "application/json"}
        headers["X-Hub-Signature-256"] = f"sha256={digest}"
        answer = await self.web.post(f"{self.url}/webhooks/github", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return int((await self.local.get("/deliveries")).json()["items"][0]["id"])

    async def dispatch(self, kind: str = "run", **more: Any) -> Json:
        """Open a pipeline over the local socket."""
        body = {"kind": kind, "commit": HASH, "remote_url": REMOTE, **more}
        answer = await self.local.post("/pipelines", json=body)
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        return found


@dataclass
class Builder:
    """A builder that says what the test wants it to say."""

    http: httpx2.AsyncClient
    boards: list[str]
    instance: str = "by-hand"

    async def greet(self, boards: dict[str, list[str]]) -> None:
        """Offer boards with their configurations."""
        offers = [
            {
                "name": name,
                "type": name,
                "tags": [],
                "configurations": [{"name": each, "tags": [f"tag-{each}"]} for each in configurations],
            }
            for name, configurations in boards.items()
        ]
        hello = {"instance": self.instance, "version": "0", "boards": offers}
        (await self.http.put("/builders/me", json=hello)).raise_for_status()

    async def claim(self) -> Json:
        """Take a job."""
        asked = {"claim_id": str(uuid.uuid4()), "instance": self.instance, "boards_free": self.boards, "wait_s": 10}
        answer = await self.http.post("/builders/me/claim", json=asked)
        assert answer.status_code == 200, answer.text
        lease: Json = answer.json()
        await self._post(f"/attempts/{lease['attempt_id']}/beat", {"epoch": lease["epoch"], "phase": "fetch"})
        return lease

    async def log(self, lease: Json, text: bytes, start: int = 0) -> None:
        """Append to the log."""
        where = f"/attempts/{lease['attempt_id']}/log?epoch={lease['epoch']}&start={start}"
        headers = {"Content-Type": "application/octet-stream"}
        (await self.http.patch(where, content=text, headers=headers)).raise_for_status()

    async def finish(
        self, lease: Json, outcome: str = "passed", *, log: bytes = b"", result: bytes | None = None, reason: str = ""
    ) -> None:
        """End an attempt; `log` is the whole log as it was sent."""
        attempt, epoch, results = lease["attempt_id"], lease["epoch"], []
        if result is not None:
            where = f"/attempts/{attempt}/results/0?epoch={epoch}"
            headers = {"Content-Type": "application/octet-stream"}
            (await self.http.put(where, content=result, headers=headers)).raise_for_status()
            results = [{"number": 0, "size": len(result), "sha256": hashlib.sha256(result).hexdigest()}]
        said = {"epoch": epoch, "outcome": outcome, "reason": reason, "results": results, "log_size": len(log)}
        said |= {"log_sha256": hashlib.sha256(log).hexdigest(), "phases": [{"phase": "build", "seconds": 1.5}]}
        answer = await self.http.put(f"/attempts/{attempt}/result", json=said)
        assert answer.status_code == 200, answer.text

    async def work(self, outcome: str = "passed", *, log: bytes = b"", result: bytes | None = None) -> Json:
        """Take a job and end it."""
        lease = await self.claim()
        if log:
            await self.log(lease, log)
        await self.finish(lease, outcome, log=log, result=result)
        return lease

    async def _post(self, path: str, body: Json) -> None:
        (await self.http.post(path, json=body)).raise_for_status()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """Run the web process's own server, on a free port and the Unix socket of the settings."""
    journal.configure()  # to the error output: a command's own output is read beside it
    chosen = settings.model_copy(update={"port": 0})
    stop = asyncio.Event()
    with web.listening(chosen) as opened:
        assert opened.local is not None
        url = "http://{}:{}".format(*opened.tcp.getsockname()[:2])
        for each in (opened.tcp, opened.local):
            each.listen()  # the first request waits for the server, instead of the test
        server = asyncio.create_task(web.run(chosen, opened, stop))
        uds = httpx2.AsyncHTTPTransport(uds=str(chosen.socket))
        async with (
            httpx2.AsyncClient(base_url="http://rigline/api/v1", transport=uds, timeout=30) as by_socket,
            httpx2.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as by_web,
        ):
            await _ready(server, url)
            service = Service(url=url, settings=chosen, local=by_socket, web=by_web)
            async with service.opened:
                yield service
            stop.set()
            await server


async def _ready(server: asyncio.Task[None], url: str) -> None:
    """Wait for the first answer, or for what keeps the server from starting."""
    async with httpx2.AsyncClient(timeout=20) as http:
        asked = asyncio.ensure_future(http.get(f"{url}/healthz"))
        await asyncio.wait([asked, server], return_when=asyncio.FIRST_COMPLETED)
        if server.done():
            asked.cancel()
            await server
        (await asked).raise_for_status()
