"""A lab machine over SSH: run a program there, copy files there, tell what went wrong in a sentence."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import asyncssh

CONNECT_S = 20.0
RUN_S = 300.0
SUDO = "sudo -k -S -p ''"  # reads the password from standard input, always: none is kept for the next command


class HostError(Exception):
    """The machine cannot be reached or refuses; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """How to get in. The password serves SSH where no key does, and sudo."""

    host: str
    user: str
    port: int | None = None  # None: what the user's SSH configuration says, else 22
    key: Path | None = None
    password: str | None = field(default=None, repr=False)
    known_hosts: Path | None = None
    fingerprint: str | None = None  # SHA256:…, instead of a known host

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port else "")


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


class Host:
    """A connected machine. All that was run and said goes to the log, but no standard input: it may be secret."""

    def __init__(self, connection: asyncssh.SSHClientConnection, login: Login, log: IO[str]) -> None:
        self._connection, self._login, self._log = connection, login, log

    async def run(self, *words: str, stdin: bytes = b"", as_root: bool = False) -> Said:
        """Run a program to its end.

        Raises:
            HostError: the connection broke, or the program took longer than five minutes.
        """
        command, given = shlex.join(words), stdin
        if as_root and self._login.user != "root":
            command, given = f"{SUDO} {command}", (self._login.password or "").encode() + b"\n" + stdin
        self._log.write(f"$ {command}\n")
        try:
            async with asyncio.timeout(RUN_S):
                source = {"input": given} if given else {"stdin": asyncssh.DEVNULL}
                ended = await self._connection.run(command, encoding=None, **source)
        except TimeoutError:
            raise HostError(f"{words[0]} on {self._login} did not end within {RUN_S:.0f} seconds") from None
        except (OSError, asyncssh.Error) as problem:
            raise HostError(f"the connection to {self._login} broke: {problem}") from None
        status = -1 if ended.returncode is None else ended.returncode
        said = Said(status, _text(ended.stdout), _text(ended.stderr))
        self._log.write(f"{said.out}{said.err}= {said.status}\n")
        self._log.flush()
        return said

    async def put(self, folder: str, files: dict[str, bytes]) -> None:
        """Write files into a folder there, readable by the login alone."""
        try:
            async with self._connection.start_sftp_client() as sftp:
                for name, content in files.items():
                    async with sftp.open(f"{folder}/{name}", "wb", asyncssh.SFTPAttrs(permissions=0o600)) as file:
                        await file.write(content)
                    self._log.write(f"> {folder}/{name}, {len(content)} bytes\n")
        except (OSError, asyncssh.Error) as problem:
            raise HostError(f"{self._login} does not take files: {problem}") from None


@asynccontextmanager
async def reached(login: Login, log: IO[str]) -> AsyncIterator[Host]:
    """Connect, having made sure that it is the right machine.

    Raises:
        HostError: no answer, an unknown or changed host key, or a refused login.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            known = await _expected(login)
            connection = await asyncssh.connect(
                login.host,
                login.port or (),
                username=login.user,
                client_keys=[str(login.key)] if login.key else (),
                password=login.password,
                known_hosts=known,
                keepalive_interval=10,
                keepalive_count_max=3,
            )
    except TimeoutError:
        raise HostError(
            f"{login} did not answer within {CONNECT_S:.0f} seconds: is it on, is the port right?"
        ) from None
    except asyncssh.HostKeyNotVerifiable:
        raise HostError(await _unknown(login)) from None
    except asyncssh.PermissionDenied as problem:
        raise HostError(f"{login} refuses the login ({problem.reason}): give --key FILE or --ask-password") from None
    except (OSError, asyncssh.Error, ValueError) as problem:
        raise HostError(f"{login} cannot be reached: {problem}") from None
    async with connection:
        yield Host(connection, login, log)


async def _expected(login: Login) -> object:
    """Say which host keys are right: the one of the fingerprint, else those of the known hosts' file."""
    if login.fingerprint is None:
        return str(login.known_hosts) if login.known_hosts else ()
    shown = await asyncssh.get_server_host_key(login.host, login.port or ())
    if shown is None or shown.get_fingerprint() != login.fingerprint:
        raise HostError(f"{login} shows the host key {shown and shown.get_fingerprint()}, not {login.fingerprint}")
    return ([shown], [], [])


async def _unknown(login: Login) -> str:
    shown = await asyncssh.get_server_host_key(login.host, login.port or ())
    fingerprint = shown.get_fingerprint() if shown else "none"
    return (
        f"{login} is not a known host, or its key has changed: it shows {fingerprint}. Compare that with what "
        f"`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says there, then give --host-key {fingerprint}"
    )


def _text(data: object) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else str(data or "")
