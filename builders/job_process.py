"""One attempt in a process of its own: it goes on when the agent dies, and says so to the next one.

The attempt beats, sends its log and reports by itself. From the agent it only hears that it should stop, and asks it
what to claim together with its finish.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders import line
from builders.attempt import Attempt
from builders.json_values import from_json, to_json
from builders.lab import Lab
from builders.protocol import Claim, Lease
from builders.service import Refused, Service, tls
from builders.stop import Cause

logger = logging.getLogger(__name__)
AGAIN_S = 0.5  # between two looks for the next agent
ASK_S = 10.0  # the agent may think about a claim for so long; the finish does not wait longer
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, kw_only=True)
class Order:
    """All that a job's process needs to know."""

    lab: Lab
    lease: Lease
    folder: Path  # of the attempt
    state: Path  # the agent's folder
    server: str
    token: str = field(repr=False)


def warm() -> None:
    """Load what a first request loads late, so that the zygote has it and no job's process needs to."""
    tls()
    importlib.import_module("anyio._backends._asyncio")


def perform(order: Order) -> None:
    """Do one attempt to its end, whatever becomes of the agent."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # belt: if a script kills its leader
    asyncio.run(_perform(order))


async def _perform(order: Order) -> None:
    service = Service(order.server, order.token)
    agent = AgentLine(order.state, order.lease.attempt_id)
    attempt = Attempt(
        order.lab,
        service,
        order.lease,
        folder=order.folder,
        token=order.token,
        refused=agent.refused,
        next_claim=agent.next_claim,
    )
    agent.attempt = attempt
    beside = {asyncio.create_task(each) for each in (agent.keep(), agent.tell_when_off_board())}
    try:
        await _work(attempt)
        await agent.told.wait()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await service.close()


async def _work(attempt: Attempt) -> None:
    lease = attempt.lease
    logger.info("job %d on %s: %s at %s", lease.job_id, lease.board, lease.configuration, lease.source.commit)
    try:
        verdict = await attempt.run()
    except Exception:
        logger.exception("attempt %d: fault in the agent", lease.attempt_id)
        return
    ended = "lost" if verdict is None else f"{verdict.outcome} {verdict.reason}".strip()
    logger.info("job %d on %s: %s", lease.job_id, lease.board, ended.splitlines()[0])


class AgentLine:
    """The line to the agent of the moment; without one, questions are answered by nothing."""

    def __init__(self, state: Path, attempt_id: int) -> None:
        self.state, self.attempt_id = state, attempt_id
        self.attempt: Attempt
        self.writer: asyncio.StreamWriter | None = None
        self.claim: asyncio.Future[Any] | None = None  # the answer that is waited for
        self.told = asyncio.Event()  # that the board is free: to an agent, or there is none
        self._refusal: Refused | None = None

    async def keep(self) -> None:
        """Find the agent, listen to it, and find the next one when it is gone."""
        while True:
            with contextlib.suppress(OSError):
                with line.address(self.state) as name:
                    reader, self.writer = await asyncio.open_unix_connection(name)
                self._say(attempt=self.attempt_id)
                if self._refusal is not None:
                    self.refused(self._refusal)
                await self._listen(reader)
            self._lost()
            await asyncio.sleep(AGAIN_S)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        async for text in reader:
            said = line.unpacked(text)
            if "stop" in said:
                self.attempt.stop.ask(Cause(said["stop"]), force=said["force"])
            elif self.claim is not None and not self.claim.done():
                self.claim.set_result(said["claim"])

    def _lost(self) -> None:
        self.writer = None
        if self.claim is not None and not self.claim.done():
            self.claim.set_result(None)
        if self.attempt.off_board.is_set():
            self.told.set()  # the next agent sees it by our end

    async def next_claim(self) -> Claim | None:
        """Ask what to claim for the board that the finish frees."""
        if self.writer is None:
            return None
        self.claim = asyncio.get_running_loop().create_future()
        self._say(ask="claim")
        try:
            found = await asyncio.wait_for(self.claim, ASK_S)
        except TimeoutError:
            return None
        return None if found is None else from_json(Claim, found)

    def refused(self, problem: Refused) -> None:
        """Tell that the service refuses this builder as a whole: no other job has a future either."""
        self._refusal = problem
        self._say(refused=[str(problem), problem.code])

    async def tell_when_off_board(self) -> None:
        """Tell when the board is free, and what the finish brought along."""
        await self.attempt.off_board.wait()
        said, claimed = self.attempt.finished, self.attempt.claimed
        self._say(
            off_board=True,
            finished=None if said is None else to_json(said),
            claimed=None if claimed is None else claimed.claim_id,
        )
        writer = self.writer
        if writer is not None:
            with contextlib.suppress(OSError):
                await writer.drain()
        self.told.set()

    def _say(self, **said: Any) -> None:
        if self.writer is not None:
            self.writer.write(line.packed(**said))
