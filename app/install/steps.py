"""The steps of an installation, each with a name that the administrator sees, and the way back when one fails."""

import asyncio
import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.install.bundle import Bundle
from app.install.host import Host, HostError, Said

LEAST_MB = 200  # for two versions of the agent; its work needs more, and `rigline-builder doctor` says so
FIND_PYTHON = (
    "for p in python3 python3.14 python3.13 python3.12 python3.11; do command -v $p >/dev/null && "
    "$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $p && exit; done; exit 1"
)
LOOK_S = 0.5
CONNECT_S = 60.0  # for the agent to say hello after its start

Say = Callable[[str], None]


class Lab(Protocol):
    """What the service has to do with an installation."""

    def known(self, name: str) -> bool:
        """Say whether there is a builder with this name."""

    def create(self, name: str) -> str:
        """Make a builder; return its token."""

    def new_token(self, name: str) -> str:
        """Make a new token; the old one is refused at once."""

    def seen(self, name: str) -> str | None:
        """Say when the builder last gave a sign of life."""

    def delete(self, name: str) -> None:
        """Delete the builder, or retire it when it had jobs."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to install."""

    name: str
    server: str  # where the agent finds the service
    system: bool  # for the machine, as root or by sudo; else for the login alone
    config: bytes | None
    new_token: bool = False


class Installation:
    """One installation on one machine."""

    def __init__(self, host: Host, lab: Lab, wish: Wish, say: Say) -> None:
        self._host, self._lab, self._wish, self._say = host, lab, wish, say
        self._python, self._folder = "", ""

    async def install(self, bundle: Bundle) -> None:
        """Bring the agent into place and see it connect; leave things as they were if that fails.

        Raises:
            HostError: what failed, and what is left if anything.
        """
        await self._check()
        created = not self._lab.known(self._wish.name)
        token = self._token(created)
        seen, before = self._lab.seen(self._wish.name), None
        try:
            before = await self._send(bundle, token)
            self._say(f"install {bundle.version}" + (f" in place of {Path(before).name}" if before else ""))
            await self._connected(await self._step("install", version=bundle.version), seen)
        except BaseException as problem:
            await self._go_back(created, before, bundle.version)
            if isinstance(problem, HostError):
                raise HostError(f"{problem}\n{self._after(created, before)}") from None
            raise
        finally:
            await self._clean()

    async def remove(self, bundle: Bundle) -> None:
        """Take the agent away from the machine."""
        await self._check()
        try:
            await self._send(bundle, None)
            self._say("remove")
            left = (await self._step("remove", version=""))["left"]
        finally:
            await self._clean()
        if left:
            raise HostError(f"these are still there: {', '.join(left)}")

    async def _check(self) -> None:
        """Refuse a machine that cannot run the agent, before anything on it changes."""
        self._say("check the machine")
        found = await self._host.run("sh", "-c", FIND_PYTHON)
        if found.status:
            raise HostError("there is no Python 3.11 or newer: install one (Debian: apt install python3)")
        self._python = found.out.strip()
        if not (await self._host.run("sh", "-c", "command -v git")).out:
            raise HostError("there is no git: install it (Debian: apt install git)")
        if self._wish.system:
            await self._check_root()

    async def _check_root(self) -> None:
        if (said := await self._host.run("id", "-u", as_root=True)).out.strip() != "0":
            raise HostError(
                f"sudo refuses: {said.err.strip() or 'no answer'}. Give --ask-password, log in as root, "
                "or use --user to install for that account alone"
            )

    def _token(self, created: bool) -> str | None:
        """Make the token of a new builder; an upgrade keeps the one that is there."""
        if created:
            self._say(f"create the builder {self._wish.name}")
            return self._lab.create(self._wish.name)
        if self._wish.new_token:
            self._say("make a new token")
            return self._lab.new_token(self._wish.name)
        return None

    async def _send(self, bundle: Bundle, token: str | None) -> str | None:
        """Copy all into a new folder that only the login may read; return which version is there now, if any."""
        self._say("copy")
        self._folder = (await self._ok("mktemp", "-d", "-t", "rigline-XXXXXXXXXX")).out.strip()
        files = {"archive.tar.gz": bundle.data}
        if token is not None:
            files["token"] = token.encode()
        if self._wish.config is not None:
            files["builder.toml"] = self._wish.config
        await self._host.put(self._folder, files)
        await self._ok("tar", "-xzf", f"{self._folder}/archive.tar.gz", "-C", self._folder)
        facts = await self._step("facts", version=bundle.version)
        if facts["system"] != "Linux":
            raise HostError(f"the machine runs {facts['system']}; a builder needs Linux")
        if facts["free_mb"] < LEAST_MB:
            raise HostError(f"only {facts['free_mb']} MB are free; the agent needs {LEAST_MB}")
        before: str | None = facts["before"]
        return before

    async def _step(self, verb: str, **more: Any) -> dict[str, Any]:
        """Have one step done there, as root if it is for the whole machine."""
        request = {"name": self._wish.name, "server": self._wish.server, "system": self._wish.system, **more}
        await self._host.put(self._folder, {"request.json": json.dumps(request).encode()})
        said = await self._ok(*self._program(verb), as_root=self._wish.system)
        found: dict[str, Any] = json.loads(said.out.strip().splitlines()[-1])
        return found

    async def _connected(self, done: dict[str, Any], seen: str | None) -> None:
        """Wait until the service has heard of the agent since its start."""
        if not done["started"]:
            self._say(
                "no systemd answers there; start the agent by: RIGLINE_BUILDER_ID="
                f"{shlex.quote(self._wish.name)} RIGLINE_BUILDER_TOKEN_FILE={done['settings']}/token "
                f"{done['program']} --config {done['settings']}/builder.toml connect --server {self._wish.server}"
            )
            return
        self._say("wait for the agent to connect")
        limit = time.monotonic() + CONNECT_S
        while self._lab.seen(self._wish.name) == seen:
            if time.monotonic() > limit:
                raise HostError(f"the agent did not connect within {CONNECT_S:.0f} seconds: {await self._last_words()}")
            await asyncio.sleep(LOOK_S)

    async def _last_words(self) -> str:
        scope = [] if self._wish.system else ["--user"]
        unit = f"rigline-builder-{self._wish.name}.service"
        said = await self._host.run(
            "journalctl", *scope, "--unit", unit, "--lines", "5", "--output", "cat", as_root=self._wish.system
        )
        return said.out.strip() or "its journal is empty"

    async def _go_back(self, created: bool, before: str | None, version: str) -> None:
        """Undo as far as the machine lets us; the first problem is the one that is told."""
        self._say("go back")
        try:
            if self._folder:
                await self._step("undo", version=version, before=before)
        except (HostError, ValueError) as problem:
            self._say(f"going back failed: {problem}")
        if created:
            self._lab.delete(self._wish.name)

    def _after(self, created: bool, before: str | None) -> str:
        if before is not None:
            return "The version before is in place again."
        return "Nothing is left on the machine" + (", and the builder is not registered." if created else ".")

    async def _clean(self) -> None:
        """Remove what was copied; say so if that fails, for the token was among it."""
        if not self._folder:
            return
        try:
            await self._ok("rm", "-rf", self._folder, as_root=self._wish.system)
        except HostError:
            self._say(f"{self._folder} could not be removed on the machine: it holds the token, remove it by hand")

    def _program(self, verb: str) -> tuple[str, ...]:
        return self._python, "-B", f"{self._folder}/packages/builders/setup_host.py", verb

    async def _ok(self, *words: str, as_root: bool = False) -> Said:
        said = await self._host.run(*words, as_root=as_root)
        if said.status:
            raise HostError(said.err.strip() or f"{words[0]} ended with {said.status}")
        return said
