"""One attempt from its lease to its finish: job, heartbeat and log share one fate."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from builders import environment
from builders.config import ConfigError
from builders.job import Job
from builders.lab import Lab
from builders.lease import Keeper
from builders.logs import JobLog
from builders.masking import mask_text
from builders.protocol import (
    MAX_REASON,
    ArtefactFile,
    Claim,
    Finish,
    Finished,
    Lease,
    Outcome,
)
from builders.sender import PATIENCE_S, LogSender
from builders.service import Incomplete, LeaseLost, Refused, Service, ServiceError, persist
from builders.stop import Cause, Stop
from builders.verdict import Verdict

logger = logging.getLogger(__name__)
REPAIRS = 5  # how often an incomplete delivery is repeated


class Attempt:
    """One attempt. `off_board` is set as soon as the board may be used for the next one.

    Args:
        next_claim: gives what to claim together with the finish, if anything.
    """

    def __init__(
        self,
        lab: Lab,
        service: Service,
        lease: Lease,
        *,
        folder: Path,
        token: str,
        refused: Callable[[Refused], None],
        next_claim: Callable[[], Awaitable[Claim | None]],
    ) -> None:
        self.service, self.lease, self.next_claim = service, lease, next_claim
        self.finished: Finished | None = None  # once the service has answered
        self.claimed: Claim | None = None  # that the finish brought along
        self.stop, self.off_board = Stop(), asyncio.Event()
        remote = [] if lease.compare is None else [lease.compare.base.token]
        self.secrets = [each for each in (lease.source.token, *remote, token, *token.split(".")[1:]) if each]
        self.secrets += _scripts_secrets(lab, lease)
        self.log = JobLog(folder, self.secrets)
        self.keeper = Keeper(service, lease, self.stop, refused)
        self.sender = LogSender(service, self.keeper, self.log)
        self.job = Job(lab, self.keeper, self.stop, self.log, folder)

    async def run(self) -> Verdict | None:
        """Do the job and deliver how it went; None if the attempt was lost to others."""
        keeping = asyncio.create_task(self.keeper.keep())
        sending = asyncio.create_task(self.sender.run())
        tasks = {keeping, sending}
        try:
            verdict = await self._perform()
            if self.stop.cause is Cause.LOST:
                return None
            tasks.add(asyncio.create_task(self._free_when_expired()))
            await self._deliver(verdict, sending)
        except (LeaseLost, Refused) as problem:
            logger.warning("attempt %d is not delivered: %s", self.lease.attempt_id, problem)
            return None
        else:
            return verdict
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.log.release()
            for each in self.job.artefacts:
                each.copy.unlink(missing_ok=True)
            self.off_board.set()

    async def _perform(self) -> Verdict:
        """Do the job; a fault of our own is an outcome too, so that nobody waits for it."""
        try:
            return await self.job.perform()
        except Exception as bug:
            logger.exception("attempt %d: fault in the builder", self.lease.attempt_id)
            return Verdict(outcome=Outcome.ERRORED, reason=f"infra:agent fault in the builder: {bug!r}")

    async def _free_when_expired(self) -> None:
        """The delivery may take as long as an outage; the board need not wait for it."""
        await self.keeper.expired.wait()
        self.off_board.set()

    async def _deliver(self, verdict: Verdict, sending: asyncio.Task[None]) -> None:
        """Send the rest of the log, the results and the finish, for as long as it takes."""
        self.log.close()
        await sending
        for _ in range(REPAIRS):
            await self._put_results()
            await self._put_artefacts()
            try:
                await self._persist(lambda: self._say_finish(verdict))
            except Incomplete as problem:
                logger.warning("attempt %d did not arrive whole, sent again: %s", self.lease.attempt_id, problem)
                await self.sender.verify()
                for each in self.job.results:
                    each.is_sent = False
            else:
                return
        raise LeaseLost("the delivery stays incomplete")

    async def _say_finish(self, verdict: Verdict) -> None:
        claim = None if self.off_board.is_set() else await self.next_claim()
        self.finished = await self.service.finish(self.lease.attempt_id, self._finish(verdict, claim))
        self.claimed = claim

    async def _put_results(self) -> None:
        for each in self.job.results:
            if not each.is_sent:
                await self._persist(lambda each=each: self.service.put_result(self.lease, each))  # type: ignore[misc]
                each.is_sent = True

    async def _put_artefacts(self) -> None:
        attempt, epoch = self.lease.attempt_id, self.lease.epoch
        for number, artefact in enumerate(self.job.artefacts):
            for piece, data in enumerate(artefact.pieces()):
                await self._persist(
                    lambda number=number, piece=piece, data=data: self.service.put_artefact(  # type: ignore[misc]
                        attempt, epoch, number, piece, data
                    )
                )

    async def _persist(self, call: Callable[[], object]) -> None:
        await persist(call, for_s=PATIENCE_S, tell=self._tell)  # type: ignore[arg-type]

    def _tell(self, problem: ServiceError, wait: float) -> None:
        logger.warning("attempt %d: trying again in %.1f s: %s", self.lease.attempt_id, wait, problem)

    def _finish(self, verdict: Verdict, claim: Claim | None) -> Finish:
        return Finish(
            epoch=self.lease.epoch,
            outcome=verdict.outcome,
            reason=mask_text(verdict.reason, self.secrets)[:MAX_REASON],
            phase=verdict.phase,
            exit_code=verdict.exit_code,
            log_size=self.log.size,
            log_sha256=self.log.sha256(),
            log_dropped=self.log.dropped,
            results=[each.named for each in self.job.results],
            artefacts=[
                ArtefactFile(number=number, name=each.name, size=each.size, sha256=each.sha256)
                for number, each in enumerate(self.job.artefacts)
            ],
            phases=self.job.phases,
            no_base=mask_text(self.job.no_base, self.secrets)[:MAX_REASON],
            commit=self.job.facts,
            log_rest=base64.b64encode(self.sender.rest()).decode(),
            claim=claim,
        )


def _scripts_secrets(lab: Lab, lease: Lease) -> list[str]:
    """List what neither a script nor a check of the board may print; a check has no configuration."""
    try:
        return environment.secrets(lab.config, lab.config.board(lease.board).configuration(lease.configuration))
    except ConfigError:
        return environment.secrets(lab.config, None)
