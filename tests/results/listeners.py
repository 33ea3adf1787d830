"""Real ends of the wire: a web server that takes webhooks, and a mail server that takes mail. Both on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@dataclass
class Post:
    """One webhook as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A web server that answers as it is told, one status after the other; the last one stays."""

    answers: list[str] = field(default_factory=lambda: ["200 OK"])
    posts: list[Post] = field(default_factory=list)
    hold: asyncio.Event | None = None  # set: nothing is answered before
    came: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=rigline"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.posts.append(Post(first.split(" ")[1], headers, body))
        self.came.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        status, _, more = answer.partition("|")
        writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@dataclass
class Mailbox:
    """A mail server that keeps what it gets; `refuses` are answers to RCPT TO, by mailbox."""

    refuses: dict[str, str] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        say("220 here")
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                mailbox = line.partition("<")[2].partition(">")[0]
                if mailbox not in self.refuses:
                    self.receivers.append(mailbox)
                say(self.refuses.get(mailbox, "250 yes"))
            elif verb == "DATA":
                say("354 go on")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(message_from_bytes(data.removesuffix(b".\r\n"), policy=policy.default))  # type: ignore[arg-type]
                say("250 kept")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 yes")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(end: Any) -> AsyncIterator[Any]:
    """Let a receiver or a mailbox listen on a free port of loopback."""
    server = await asyncio.start_server(end.serve, "127.0.0.1", 0)
    end.port = server.sockets[0].getsockname()[1]
    async with server:
        yield end
