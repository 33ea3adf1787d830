"""One job: fetch, build, run once or more, collect. The phases stand in `Job._work`, in their order."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from builders.apart import Apart
from builders.artefacts import Artefact
from builders.boards import health
from builders.boards.serial import BoardTrouble
from builders.checkout import Checkout
from builders.child_socket import ChildSocket
from builders.config import ConfigError, Configuration
from builders.course import Course, summed
from builders.lab import Lab
from builders.lease import Keeper
from builders.logs import JobLog
from builders.protocol import CommitFacts, Comparing, Kind, Lease, Outcome, Phase, PhaseEnd, Side
from builders.results import Taken
from builders.stop import Stop
from builders.turns import Turns
from builders.verdict import Over, Verdict, broken


class Job:
    """One job on one board."""

    def __init__(self, lab: Lab, keeper: Keeper, stop: Stop, log: JobLog, folder: Path) -> None:
        self.lab, self.keeper, self.stop, self.log, self.folder = lab, keeper, stop, log, folder
        self.lease: Lease = keeper.lease
        self.course = Course(lab, keeper, stop, log, folder)
        self.head = self._checkout(self.lease, Side.HEAD)
        self.results: list[Taken] = []
        self.artefacts: list[Artefact] = []
        self.no_base = ""  # of a comparison: why its base was not measured

    @property
    def phases(self) -> list[PhaseEnd]:
        """List the phases so far; of a comparison the many short ones of its turns as one each."""
        return self.course.phases if self.lease.compare is None else summed(self.course.phases)

    @property
    def facts(self) -> CommitFacts | None:
        """What git says of the commit, once it was fetched."""
        return self.head.tree.facts if hasattr(self.head, "tree") else None

    async def perform(self) -> Verdict:
        """Do the job. Whatever happens, nothing of it is left running, and log and results so far are kept."""
        try:
            if self.lease.kind is Kind.HEALTH:
                return await self._check_board()
            self.course.configuration = self._configuration()
            self.head.apart.admit(self.course.configuration)
            async with ChildSocket() as socket, self._library(), self.head.apart.reset():
                await self.head.fetch()
                try:
                    await self._work(socket)
                finally:
                    self.artefacts = await self.head.keep_artefacts()  # of a job that failed too: they may say why
            return self._passed()
        except Over as over:
            return over.verdict
        except BoardTrouble as trouble:
            self.log.note(f"board: {trouble}")
            return Verdict(outcome=Outcome.ERRORED, reason=f"{trouble.area} {trouble}", phase=Phase.RUN)
        except OSError as problem:
            return broken(problem, self.keeper.phase)

    async def _work(self, socket: ChildSocket) -> None:
        await self.head.build(socket)
        if self.lease.compare is not None and self.lease.kind is Kind.RUN:
            await self._compare(self.lease.compare, socket)
            return
        for number in range(self._runs()):
            if self._runs() > 1:
                self.log.note(f"run {number + 1} of {self._runs()}")
            await self.head.run(socket)
            await self.head.collect(self.results)

    async def _compare(self, wanted: Comparing, socket: ChildSocket) -> None:
        """Build the base too, and run both by turns; what keeps its base from being measured is no fault of the job."""
        base = self._checkout(replace(self.lease, source=wanted.base), Side.BASE)
        async with base.apart.reset():
            turns = Turns(self.course, wanted, {Side.BASE: base, Side.HEAD: self.head}, socket)
            self.results = turns.results
            try:
                await turns.take()
            finally:
                self.no_base = turns.no_base

    def _checkout(self, lease: Lease, side: Side) -> Checkout:
        """Make one side of the job. The walls around it are those of the whole job, by the trust in its head."""
        workspace, folder = self.lab.workspace if lease.trusted else self.lab.strangers, self.folder
        if side is Side.BASE:
            workspace, folder = workspace.of_bases(), self.folder / side
        apart = Apart(self.lab.sandbox, workspace, lease, stop=self.stop, log=self.log, folder=folder)
        return Checkout(self.course, apart, lease, folder, side)

    def _runs(self) -> int:
        return max(1, self.lease.repeat) if self.lease.kind is Kind.RUN else 0

    async def _check_board(self) -> Verdict:
        """Look whether the board is well, without any code of a repository."""
        self.course.configuration = Configuration(name=self.lease.configuration, build=(), run=())  # limits of these
        await self.course.within(self.keeper.held.wait(), Phase.RUN, None)
        with self.course.phase(Phase.RUN):
            try:
                board = self.lab.config.board(self.lease.board)
            except ConfigError as problem:
                raise Over(Outcome.ERRORED, f"config: {problem}", Phase.FETCH) from problem
            await health.check(self.lab.config, board, self.log, self.stop, folder=self.folder)
        self.course.check(Phase.RUN)
        return Verdict(outcome=Outcome.PASSED)

    def _configuration(self) -> Configuration:
        try:
            return self.lab.configuration(self.lease)
        except ConfigError as problem:
            raise Over(Outcome.ERRORED, f"config: {problem}", Phase.FETCH) from problem

    @contextlib.asynccontextmanager
    async def _library(self) -> AsyncIterator[None]:
        """Hold a shared work tree from fetch to collect."""
        library = self.course.configuration.library
        if library is None:
            yield
            return
        lock = self.lab.library_lock(library)
        if not lock.try_acquire():
            self.log.note(f"waiting for {library}: another job uses it")
            await self.course.within(lock.acquire(), Phase.FETCH, None)
        try:
            yield
        finally:
            lock.release()

    def _passed(self) -> Verdict:
        of_head = [each for each in self.results if each.side is Side.HEAD]
        if of_head and all(each.is_skip for each in of_head):
            return Verdict(outcome=Outcome.SKIPPED, reason="run: the script reported Skip", phase=Phase.RUN)
        return Verdict(outcome=Outcome.PASSED)
