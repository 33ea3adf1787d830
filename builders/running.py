"""The jobs' processes as the agent sees them: started by it, or found at its start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from builders import line
from builders.file_lock import FileLock
from builders.job_process import Order
from builders.json_values import from_json, to_json
from builders.protocol import LEASE_S, Claim, Finished, Lease
from builders.service import Refused, Service, ServiceError, persist
from builders.stop import Cause
from builders.zygote import Zygote, ZygoteError

logger = logging.getLogger(__name__)
LEASE, LOCK = "lease.json", "running"


class Running:
    """One job's process. `off_board` is set as soon as its board may be used for the next one."""

    def __init__(self, lease: Lease, folder: Path, pid: int | None = None) -> None:
        self.lease, self.folder = lease, folder
        self.next_id = str(uuid.uuid4())  # of the claim that its finish may bring along
        self.pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()  # known once it was started
        self.has_asked = False  # what to claim under `next_id`: its answer may get lost
        self.off_board = asyncio.Event()
        self.finished: Finished | None = None
        self.claimed: str | None = None  # id of the claim that the finish brought along
        self.writer: asyncio.StreamWriter | None = None
        self._orders: dict[str, Any] | None = None
        if pid is not None:
            self.pid.set_result(pid)

    @property
    def boards(self) -> tuple[str, ...]:
        """List the boards that it holds, its own first."""
        return (self.lease.board, *self.lease.further)

    def stop(self, cause: Cause, *, force: bool = False) -> None:
        """Ask the job to end; said again to a process that comes back."""
        self._orders = {"stop": cause.value, "force": force}
        self._say(**self._orders)

    async def ended(self) -> None:
        """Wait until the process is gone: it held the lock for as long as it lived."""
        async with FileLock(self.folder / LOCK).held():
            return

    async def brought(self, service: Service, again: Claim) -> Lease | None:
        """Find the lease that the finish brought along; ask once more, if a claim of its own got lost on the way."""
        if self.finished is not None and (self.finished.lease is not None or self.claimed == self.next_id):
            return self.finished.lease
        if not self.has_asked:
            return None
        try:
            return await persist(lambda: service.claim(again), for_s=LEASE_S)
        except ServiceError as problem:
            logger.warning("what came of a claim of job %d is not known: %s", self.lease.job_id, problem)
            return None

    def speaks(self, writer: asyncio.StreamWriter) -> None:
        """Take the process's line."""
        self.writer = writer
        if self._orders is not None:
            self._say(**self._orders)

    def answer(self, claim: Claim | None) -> None:
        """Say what to claim."""
        self._say(claim=None if claim is None else to_json(claim))

    def _say(self, **said: Any) -> None:
        if self.writer is not None:
            self.writer.write(line.packed(**said))


class Runners:
    """Starts the jobs' processes, finds those of the agent before, and listens to all of them."""

    def __init__(
        self,
        state: Path,
        zygote: Zygote,
        *,
        next_claim: Callable[[Running], Claim | None],
        refused: Callable[[Refused], None],
    ) -> None:
        self.state, self.zygote, self.next_claim, self.refused = state, zygote, next_claim, refused
        self.known: dict[int, Running] = {}
        self._server: asyncio.Server | None = None

    async def listen(self) -> list[Running]:
        """Open the line; return the jobs that run since the agent before."""
        found = [each for each in map(self._find, sorted((self.state / "jobs").glob("*"))) if each is not None]
        self.known = {each.lease.attempt_id: each for each in found}
        self._server = await asyncio.start_unix_server(self._serve, sock=line.listening(self.state))
        return found

    def close(self) -> None:
        """Close the line."""
        if self._server is not None:
            self._server.close()

    async def start(self, order: Order) -> Running:
        """Start a job's process.

        Raises:
            ZygoteError: none can be started.
        """
        running = self.known[order.lease.attempt_id] = Running(order.lease, order.folder)
        lock = FileLock(order.folder / LOCK)
        lock.try_acquire()  # the folder is new
        try:
            pid = await self.zygote.spawn(order, lock)
        except ZygoteError:
            self.forget(running)
            raise
        finally:
            lock.release()  # the process holds it still
        _keep(order.lease, order.folder, pid)
        running.pid.set_result(pid)
        return running

    def forget(self, running: Running) -> None:
        """Take note that a process is gone."""
        self.known.pop(running.lease.attempt_id, None)

    def _find(self, folder: Path) -> Running | None:
        """Find a process that still holds the lock of its folder."""
        lock = FileLock(folder / LOCK)
        if not (folder / LEASE).exists() or lock.try_acquire():
            lock.release()
            return None
        kept = json.loads((folder / LEASE).read_text(encoding="utf-8"))
        return Running(from_json(Lease, kept["lease"]), folder, kept["pid"])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = line.unpacked(await reader.readline() or b"{}")
            running = self.known.get(first.get("attempt", 0))
            if running is None or line.peer(writer.get_extra_info("socket")) != await running.pid:
                return  # a script that found the socket, or a job that nobody waits for
            running.speaks(writer)
            async for text in reader:
                self._hear(running, line.unpacked(text))
        except (OSError, ValueError, asyncio.LimitOverrunError) as problem:
            logger.warning("a job's line broke: %s", problem)
        finally:
            writer.close()

    def _hear(self, running: Running, said: dict[str, Any]) -> None:
        if said.get("ask") == "claim":
            running.answer(self.next_claim(running))
        if said.get("refused"):
            text, code = said["refused"]
            self.refused(Refused(text, code))
        if said.get("off_board"):
            running.finished = None if said["finished"] is None else from_json(Finished, said["finished"])
            running.claimed = said["claimed"]
            running.off_board.set()


def _keep(lease: Lease, folder: Path, pid: int) -> None:
    """Write down what the next agent has to know; no secret is among it."""
    told = to_json(lease)
    for source in (told["source"], (told["compare"] or {}).get("base", {})):
        source["token"] = None
    part = folder / f"{LEASE}.part"
    part.write_text(json.dumps({"lease": told, "pid": pid}), encoding="utf-8")
    with contextlib.suppress(OSError):
        os.replace(part, folder / LEASE)
