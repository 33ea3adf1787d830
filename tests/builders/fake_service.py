"""The service's side of `builders.protocol` in memory, over real HTTP, with faults on request."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from builders.json_values import from_json, to_json
from builders.protocol import (
    LAST_WORDS,
    MAX_CHUNK,
    PROTOCOL,
    Beat,
    BeatAnswer,
    Cancel,
    Claim,
    Finish,
    Hello,
    Kind,
    Lease,
    Look,
    NewToken,
    Source,
    Welcome,
)

ACCEPT_STEPS = 4  # of the event loop: a task, its transport, the call of `_accept`, the end of what that aborts
TOKEN = "rlb_lab1.a-very-secret-value-of-this-builder"


@dataclass
class Fault:
    """What goes wrong with the next requests that match."""

    pattern: str  # of "METHOD /path"
    how: str | int | tuple[int, str]  # "cut": not handled, no answer; "lose": no answer; a status, also with a code
    times: int = 1
    hits: int = 0


@dataclass
class Attempt:
    """One attempt as the service knows it."""

    lease: Lease
    log: bytearray = field(default_factory=bytearray)
    results: dict[int, bytes] = field(default_factory=dict)
    of: dict[int, dict[str, str]] = field(default_factory=dict)  # what the builder said of each result
    looks: list[Look] = field(default_factory=list)
    more: dict[int, int] = field(default_factory=dict)  # pairs that are wanted after a look at so many
    pieces: dict[int, dict[int, bytes]] = field(default_factory=dict)  # of artefacts
    beats: list[Beat] = field(default_factory=list)
    beaten_at: list[float] = field(default_factory=list)  # by this process's monotonic clock
    appends: list[tuple[int, int]] = field(default_factory=list)  # start, size
    finish: Finish | None = None
    lost: bool = False
    full_at: int | None = None
    has_room: bool = True  # of the store of all logs
    cancel: Cancel = Cancel.NONE
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    lease_s: float = 45.0

    @property
    def artefacts(self) -> dict[int, bytes]:
        return {number: b"".join(found[at] for at in sorted(found)) for number, found in self.pieces.items()}

    @property
    def text(self) -> str:
        return self.log.decode(errors="replace")

    async def until(self, condition: Any, timeout: float = 60.0) -> None:
        async with asyncio.timeout(timeout), self.changed:
            await self.changed.wait_for(condition)

    async def ended(self, timeout: float = 60.0) -> Finish:
        await self.until(lambda: self.finish is not None, timeout)
        assert self.finish is not None
        return self.finish

    async def logged(self, text: str, timeout: float = 60.0) -> None:
        await self.until(lambda: text.encode() in self.log, timeout)

    async def beaten(self, count: int, timeout: float = 60.0) -> None:
        await self.until(lambda: len(self.beats) >= count, timeout)


class Answer(Exception):
    """End the handling of a request with this."""

    def __init__(self, status: int, body: Any = None) -> None:
        self.status, self.body = status, body


def refuse(status: int, code: str, **also: Any) -> Answer:
    return Answer(status, {"error": {"code": code, "message": f"refused: {code}"}, **also})


class FakeService:
    """One service with any number of jobs."""

    def __init__(self, lease_s: float = 45.0, beat_s: float = 10.0) -> None:
        self.lease_s, self.beat_s = lease_s, beat_s
        self.hellos: list[Hello] = []
        self.claims: list[Claim] = []
        self.held: dict[str, list[str]] = {}  # claim id → boards, of those that are being waited for
        self.given: dict[str, Attempt] = {}
        self.waiting: list[Attempt] = []
        self.attempts: list[Attempt] = []
        self.tokens = [TOKEN]  # that are right
        self.renewals: list[str] = []  # tokens to give when the agent asks
        self.shown = ""  # with the last request
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.finishes: list[Finish] = []
        self.forgets_polls = self.drops_rests = False
        self.refusal: Answer | None = None
        self.offline = False
        self.news = asyncio.Condition()
        self.connections: set[asyncio.StreamWriter] = set()
        self.serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FakeService:
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_CHUNK * 2)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.offline = True
        asyncio.get_running_loop().remove_reader(self.server.sockets[0].fileno())  # nobody more is accepted
        for _ in range(ACCEPT_STEPS):  # who was is sent away; a server that is closed first would forget the socket
            await asyncio.sleep(0)
        self.server.close()
        self.cut_all()
        serving = list(self.serving)
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut_all(self) -> None:
        for each in list(self.connections):
            each.transport.abort()

    def go_offline(self) -> None:
        self.offline = True
        self.cut_all()

    def fault(self, pattern: str, how: str | int | tuple[int, str], times: int = 1) -> Fault:
        self.faults.append(Fault(pattern, how, times))
        return self.faults[-1]

    async def job(self, source: Source, board: str, configuration: str, **also: Any) -> Attempt:
        """Queue one job."""
        number = len(self.attempts) + 1
        values: dict[str, Any] = {
            "trusted": True,
            "kind": Kind.RUN,
            "lease_s": self.lease_s,
            "beat_s": self.beat_s,
        } | also
        lease = Lease(
            attempt_id=number,
            job_id=100 + number,
            pipeline_id=1,
            epoch=number + 6,
            board=board,
            configuration=configuration,
            source=source,
            **values,
        )
        attempt = Attempt(lease, lease_s=self.lease_s)
        self.attempts.append(attempt)
        self.waiting.append(attempt)
        await self.tell()
        return attempt

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, condition: Any, timeout: float = 60.0) -> None:
        async with asyncio.timeout(timeout), self.news:
            await self.news.wait_for(condition)

    async def cancel(self, attempt: Attempt, how: Cancel = Cancel.POLITE) -> None:
        async with attempt.changed:
            attempt.cancel = how
            attempt.changed.notify_all()

    # HTTP, as little of it as the builder needs

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Know a connection at once: a task that is cancelled before its first step could not close it."""
        if self.offline:
            writer.transport.abort()
            return
        self.connections.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not self.offline:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = first.split(" ")
                status, answer = await self._handle(method, target, headers, body)
                if status is None:
                    break
                data = b"" if answer is None else json.dumps(answer).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(writer)
            writer.transport.abort()

    async def _handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int | None, Any]:
        self.requests.append(f"{method} {target}")
        fault = next((f for f in self.faults if f.hits < f.times and re.search(f.pattern, f"{method} {target}")), None)
        if fault is not None:
            fault.hits += 1
            if fault.how == "cut":
                return None, None
            if isinstance(fault.how, int | tuple):
                status, code = fault.how if isinstance(fault.how, tuple) else (fault.how, "scripted")
                return status, {"error": {"code": code, "message": "scripted"}}
        try:
            answer = await self._route(method, target, headers, body)
            status = 200 if answer is not None else 204
        except Answer as refusal:
            status, answer = refusal.status, refusal.body
        if (fault is not None and fault.how == "lose") or self.offline:
            return None, None
        return status, answer

    async def _route(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        shown = headers.get("authorization", "").removeprefix("Bearer ")
        if shown not in self.tokens:
            raise refuse(401, "unauthorized")
        self.shown = shown
        if headers.get("rigline-protocol") != str(PROTOCOL):
            raise refuse(426, "protocol")
        if self.refusal is not None:
            raise self.refusal
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/api/v1/")
        if path == "builders/me":
            return await self._hello(from_json(Hello, json.loads(body)))
        if path == "builders/me/token":
            return self._renew()
        if path == "builders/me/claim":
            return await self._claim(from_json(Claim, json.loads(body)))
        _, number, *rest = path.split("/")
        attempt = self.attempts[int(number) - 1]
        async with attempt.changed:
            try:
                return await self._attempt(attempt, method, rest, query, body)
            finally:
                attempt.changed.notify_all()

    def _renew(self) -> Any:
        if not self.renewals:
            return None
        self.tokens.append(self.renewals.pop(0))
        return to_json(NewToken(token=self.tokens[-1]))

    async def _hello(self, hello: Hello) -> Any:
        self.hellos.append(hello)
        await self.tell()
        return to_json(Welcome(builder="lab1", lease_s=self.lease_s, beat_s=self.beat_s))

    async def _claim(self, claim: Claim) -> Any:
        self.claims.append(claim)
        mine = len(self.claims)
        await self.tell()
        if claim.claim_id in self.given:
            return to_json(self.given[claim.claim_id].lease)

        self.held = {claim.claim_id: claim.boards_free}

        def is_over() -> bool:  # given up for a newer claim, or answered
            return len(self.claims) > mine or self._give(claim.claim_id, self.held[claim.claim_id]) is not None

        try:
            async with asyncio.timeout(claim.wait_s), self.news:
                await self.news.wait_for(is_over)
        except TimeoutError:
            return None
        if len(self.claims) > mine:
            return None
        self.held = {}
        return to_json(self.given[claim.claim_id].lease)

    async def _attempt(self, attempt: Attempt, method: str, rest: list[str], query: dict[str, str], body: bytes) -> Any:
        what = rest[0]
        epoch = int(query["epoch"]) if "epoch" in query else json.loads(body)["epoch"]
        if attempt.lost or epoch != attempt.lease.epoch or (attempt.finish is not None and what != "result"):
            raise refuse(409, "lease_lost")
        if what == "look":
            return self._look(attempt, from_json(Look, json.loads(body)))
        match method, what:
            case "POST", "beat":
                attempt.beats.append(from_json(Beat, json.loads(body)))
                attempt.beaten_at.append(time.monotonic())
                return to_json(BeatAnswer(cancel=attempt.cancel, lease_s=attempt.lease_s))
            case "GET", "wait":
                return await self._wait(attempt)
            case "PATCH", "log":
                return self._append(attempt, int(query["start"]), body, last=query.get("last") == "1")
            case "PUT", "results" | "artefacts":
                return self._put(attempt, rest, query, body)
            case "PUT", "result":
                said = from_json(Finish, json.loads(body))
                return {**self._finish(attempt, said), **(await self._claim_with(said.claim) if said.claim else {})}
        raise refuse(404, "not_found")

    def _put(self, attempt: Attempt, rest: list[str], query: dict[str, str], body: bytes) -> Any:
        if rest[0] == "artefacts":
            attempt.pieces.setdefault(int(rest[1]), {})[int(rest[2])] = body
        else:
            attempt.results[int(rest[1])], attempt.of[int(rest[1])] = body, query
        return {}

    def _look(self, attempt: Attempt, look: Look) -> Any:
        stored = {number: hashlib.sha256(data).hexdigest() for number, data in attempt.results.items()}
        if {each.number: each.sha256 for each in look.results} != stored:
            raise refuse(412, "incomplete")
        attempt.looks.append(look)
        return {"more": attempt.more.get(look.pairs, 0)}

    async def _wait(self, attempt: Attempt) -> Any:
        try:
            async with asyncio.timeout(50):
                await attempt.changed.wait_for(lambda: attempt.cancel is not Cancel.NONE or attempt.finish is not None)
        except TimeoutError:
            pass
        return {"cancel": attempt.cancel}

    def _append(self, attempt: Attempt, start: int, body: bytes, *, last: bool) -> Any:
        have = len(attempt.log)
        if not attempt.has_room and not (last and len(body) <= LAST_WORDS):
            raise refuse(507, "log_store_full", size=have)
        attempt.appends.append((start, len(body)))
        if len(body) > MAX_CHUNK or (attempt.full_at is not None and start + len(body) > attempt.full_at):
            raise refuse(413, "log_full")
        if start > have:
            raise refuse(416, "log_gap", size=have)
        attempt.log += body[have - start :]
        return {"size": len(attempt.log)}

    async def _claim_with(self, claim: Claim) -> dict[str, Any]:
        """Answer the claim that came with a finish, as the claim of its own would be."""
        if claim.wait_s == 0:
            given = self._give(claim.claim_id, claim.boards_free)
            return {"lease": None if given is None else to_json(given.lease)}
        is_held = claim.claim_id in self.held and not self.forgets_polls
        if is_held:
            self.held[claim.claim_id] = claim.boards_free
            await self.tell()
        return {"is_held": is_held}

    def _give(self, claim_id: str, boards: list[str]) -> Attempt | None:
        if claim_id not in self.given:
            attempt = next((each for each in self.waiting if each.lease.board in boards), None)
            if attempt is None:
                return None
            self.waiting.remove(attempt)
            self.given[claim_id] = attempt
        return self.given[claim_id]

    def _finish(self, attempt: Attempt, finish: Finish) -> Any:
        self.finishes.append(finish)
        rest, finish = base64.b64decode(finish.log_rest), dataclasses.replace(finish, log_rest="", claim=None)
        if self.drops_rests:
            rest = b""
        if attempt.finish is None and finish.log_size - len(rest) == len(attempt.log):
            attempt.log += rest
        if attempt.finish is not None:
            if attempt.finish == finish:
                return {"outcome": finish.outcome}
            raise refuse(409, "finished_otherwise")
        whole = len(attempt.log) == finish.log_size and hashlib.sha256(attempt.log).hexdigest() == finish.log_sha256
        sums = {each.number: each.sha256 for each in finish.results}
        files = {each.number: (each.size, each.sha256) for each in finish.artefacts}
        for number, data in attempt.artefacts.items():
            whole = whole and files.get(number) == (len(data), hashlib.sha256(data).hexdigest())
        if not whole or sums != {n: hashlib.sha256(data).hexdigest() for n, data in attempt.results.items()}:
            raise refuse(412, "incomplete")
        attempt.finish = dataclasses.replace(finish)
        return {"outcome": finish.outcome}
