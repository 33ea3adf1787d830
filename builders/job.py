"""One job: fetch, build, run once or more, collect. The phases stand in `Job.perform`, in their order."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from builders import artefacts, isolation, process
from builders.apart import Apart
from builders.artefacts import Artefact
from builders.boards import health, together
from builders.boards.serial import BoardTrouble
from builders.boards.session import Session
from builders.boards.together import Together
from builders.child_socket import ChildSocket
from builders.config import Board, Config, ConfigError, Configuration
from builders.environment import Scene, command
from builders.file_lock import FileLock, Slots
from builders.lease import Keeper
from builders.logs import JobLog
from builders.process import Bounds, Ended
from builders.protocol import CommitFacts, Kind, Lease, Outcome, Phase, PhaseEnd
from builders.results import SKIP, ResultError, ResultPlace
from builders.sandbox import Sandbox
from builders.stop import Cause, Stop
from builders.verdict import Over, Verdict, broken, explain
from builders.workspace import FetchError, Tree, Workspace, safe

LAST_LINES = 20
FULL = 32 << 20  # bytes free: what fails with less fails for want of room
LINE = 180  # characters shown of each: all of them fit into a reason
Value = TypeVar("Value")


@dataclass(kw_only=True)
class Lab:
    """What the jobs of one builder share."""

    config: Config
    workspace: Workspace
    strangers: Workspace  # mirrors and trees of untrusted code
    sandbox: Sandbox
    builds: Slots
    locks: Path  # folder of the locks between jobs

    @classmethod
    def of(cls, config: Config, work: Path, state: Path, hidden: Sequence[Path]) -> Lab:
        """Furnish a lab: look what this machine can do, and where its trees are.

        Args:
            state: folder of the agent's state, which no job may see either.
            hidden: more of the agent's folders like that, besides the work trees and the configuration's.
        """
        locks = state / "locks"
        return cls(
            config=config,
            workspace=Workspace(work),
            strangers=Workspace(work / "untrusted"),
            sandbox=Sandbox(config, isolation.for_jobs(config), [work, state, *hidden]),
            builds=Slots(locks, config.parallel_builds),
            locks=locks,
        )

    def under(self, config: Config) -> Lab:
        """Go by another configuration."""
        builds = Slots(self.locks, config.parallel_builds)
        return replace(self, config=config, builds=builds, sandbox=self.sandbox.under(config))

    def library_lock(self, path: Path) -> FileLock:
        """Name the lock of a work tree that configurations share."""
        return FileLock(self.locks / f"library-{safe(str(path))}")


class Job:
    """One job on one board."""

    def __init__(self, lab: Lab, keeper: Keeper, stop: Stop, log: JobLog, folder: Path) -> None:
        self.lab, self.keeper, self.stop, self.log, self.folder = lab, keeper, stop, log, folder
        self.lease: Lease = keeper.lease
        workspace = lab.workspace if self.lease.trusted else lab.strangers
        self.apart = Apart(lab.sandbox, workspace, self.lease, stop=stop, log=log, folder=folder)
        self.configuration: Configuration
        self.tree: Tree | None = None
        self.phases: list[PhaseEnd] = []
        self.results: list[bytes] = []
        self.artefacts: list[Artefact] = []

    @property
    def facts(self) -> CommitFacts | None:
        """What git says of the commit, once it was fetched."""
        return None if self.tree is None else self.tree.facts

    async def perform(self) -> Verdict:
        """Do the job. Whatever happens, nothing of it is left running, and log and results so far are kept."""
        try:
            if self.lease.kind is Kind.HEALTH:
                return await self._check_board()
            self.configuration = self._configuration()
            self.apart.admit(self.configuration)
            async with ChildSocket() as socket, self._library(), self.apart.reset():
                self.tree = await self._fetch()
                try:
                    await self._work(self.tree, socket)
                finally:
                    await self._keep_artefacts(self.tree)  # of a job that failed too: they may say why
            return self._passed()
        except Over as over:
            return over.verdict
        except BoardTrouble as trouble:
            self.log.note(f"board: {trouble}")
            return Verdict(outcome=Outcome.ERRORED, reason=f"{trouble.area} {trouble}", phase=Phase.RUN)
        except OSError as problem:
            return broken(problem, self.keeper.phase)

    async def _work(self, tree: Tree, socket: ChildSocket) -> None:
        await self._build(tree, socket)
        for number in range(self._runs()):
            await self._run(tree, socket, number)
            await self._collect(tree, number)

    def _runs(self) -> int:
        return max(1, self.lease.repeat) if self.lease.kind is Kind.RUN else 0

    async def _check_board(self) -> Verdict:
        """Look whether the board is well, without any code of a repository."""
        self.configuration = Configuration(name=self.lease.configuration, build=(), run=())  # whose limits count for it
        await self._within(self.keeper.held.wait(), Phase.RUN, None)
        with self._phase(Phase.RUN):
            await health.check(self.lab.config, self._board(), self.log, self.stop, folder=self.folder)
        self._check(Phase.RUN)
        return Verdict(outcome=Outcome.PASSED)

    def _board(self) -> Board:
        try:
            return self.lab.config.board(self.lease.board)
        except ConfigError as problem:
            raise Over(Outcome.ERRORED, f"config: {problem}", Phase.FETCH) from problem

    def _further(self) -> list[Board]:
        return [self.lab.config.board(name) for name in self.lease.further]

    def _configuration(self) -> Configuration:
        try:
            found = self._board().configuration(self.lease.configuration)
            if sorted(found.further) != [each.name for each in self._further()]:
                raise ConfigError(f"the boards of {found.name!r} were changed; retry the job")
        except ConfigError as problem:
            raise Over(Outcome.ERRORED, f"config: {problem}", Phase.FETCH) from problem
        return found

    @contextlib.asynccontextmanager
    async def _library(self) -> AsyncIterator[None]:
        """Hold a shared work tree from fetch to collect."""
        if self.configuration.library is None:
            yield
            return
        lock = self.lab.library_lock(self.configuration.library)
        if not lock.try_acquire():
            self.log.note(f"waiting for {self.configuration.library}: another job uses it")
            await self._within(lock.acquire(), Phase.FETCH, None)
        try:
            yield
        finally:
            lock.release()

    async def _fetch(self) -> Tree:
        with self._phase(Phase.FETCH):
            limit = self.configuration.limits.fetch
            try:
                tree = await self._within(self.apart.tree(self.configuration), Phase.FETCH, limit)
            except FetchError as problem:
                self.log.note(f"fetch failed: {problem}")
                if "fsck error" in str(problem):  # the commit was made so that git would be tricked
                    raise Over(Outcome.FAILED, f"fetch: git refuses the commit: {problem}", Phase.FETCH) from problem
                raise Over(Outcome.ERRORED, f"infra:fetch {problem}", Phase.FETCH) from problem
            except Over as over:
                if over.verdict.outcome is Outcome.TIMED_OUT and self._left(None) > 0:  # not the job's own time
                    told = f"infra:fetch the remote is too slow: fetch took longer than {limit:g} s"
                    self.log.note(told.removeprefix("infra:"))
                    raise Over(Outcome.ERRORED, told, Phase.FETCH) from over
                raise
        return tree

    async def _build(self, tree: Tree, socket: ChildSocket) -> None:
        await self._within(self.keeper.accepted.wait(), Phase.BUILD, None)
        await self._within(self.lab.builds.acquire(), Phase.BUILD, None)
        try:
            await self._script(self._scene(tree, socket), Phase.BUILD, socket)
        finally:
            self.lab.builds.release()

    async def _run(self, tree: Tree, socket: ChildSocket, number: int) -> None:
        await self._within(self.keeper.held.wait(), Phase.RUN, None)  # no touch of the board on an old lease
        if self._runs() > 1:
            self.log.note(f"run {number + 1} of {self._runs()}")
        try:
            self._place(tree).remove()
        except ResultError as problem:
            raise Over(Outcome.ERRORED, f"config: {problem}", Phase.RUN) from problem
        scene = self._scene(tree, socket)
        further = [self._session(each, is_first=False) for each in self._further()]
        async with Together(self._session(self._board()), further) as session:
            await self._script(scene, Phase.RUN, socket, session)

    def _session(self, board: Board, *, is_first: bool = True) -> Session:
        return Session(
            self.lab.config,
            board,
            self.log,
            self.stop,
            folder=self.folder,
            reads_console=is_first,
            patience=self.configuration.limits.grace,
            keep_power=is_first and self.lease.keep_power,
        )

    async def _collect(self, tree: Tree, number: int) -> None:
        with self._phase(Phase.COLLECT):
            reading = asyncio.to_thread(self._place(tree).read)
            try:
                data = await self._within(reading, Phase.COLLECT, self.configuration.limits.collect)
            except ResultError as problem:
                self.log.note(str(problem))
                raise Over(Outcome.FAILED, f"run: {problem}", Phase.COLLECT) from problem
        if data is not None:
            (self.folder / f"result-{number}").write_bytes(data)
            self.results.append(data)
        elif not self.configuration.ej:
            self.log.note(f"warning: the run wrote no result to {self._place(tree).path}")

    async def _keep_artefacts(self, tree: Tree) -> None:
        """Copy what the configuration wants to keep. Whatever goes wrong here changes no verdict."""
        patterns = self.configuration.artefacts
        if not patterns or self.stop.asked.is_set():
            return
        told: list[str] = []
        copying = asyncio.to_thread(artefacts.collect, tree.path, patterns, self.folder, told.append)
        try:
            with self._phase(Phase.COLLECT):
                self.artefacts = await self._within(copying, Phase.COLLECT, self.configuration.limits.collect)
        except Over as over:
            self.log.note(f"warning: no artefact is kept: {over.verdict.reason}")
        except OSError as problem:
            self.log.note(f"warning: no artefact is kept: {problem.strerror}")
        for line in (*told, *(f"artefact {each.name}: {each.size} bytes" for each in self.artefacts)):
            self.log.note(line)

    def _passed(self) -> Verdict:
        if self.results and all(data.strip() == SKIP for data in self.results):
            return Verdict(outcome=Outcome.SKIPPED, reason="run: the script reported Skip", phase=Phase.RUN)
        return Verdict(outcome=Outcome.PASSED)

    def _place(self, tree: Tree) -> ResultPlace:
        results = self.configuration.results
        if results is None:
            return ResultPlace(self.folder / "out" / "results.json", self.folder)
        if Path(results).is_absolute():
            return ResultPlace(Path(results), None)
        return ResultPlace(tree.path / results, tree.path)

    def _scene(self, tree: Tree, socket: ChildSocket) -> Scene:
        (self.folder / "out").mkdir(exist_ok=True)
        return Scene(
            config=self.lab.config,
            configuration=self.configuration,
            lease=self.lease,
            tree=tree.path,
            results=self._place(tree).path,
            socket=socket.path,
            serial_log=None if self._board().serial is None else self.folder / "out" / "serial.log",
        )

    async def _script(self, scene: Scene, phase: Phase, socket: ChildSocket, board: Session | None = None) -> None:
        """Run the script of one phase; the job is over unless it ends well and in time."""
        self._check(phase)
        limits = self.configuration.limits
        wanted = command(scene, phase)
        program = wanted.argv[0]
        self.log.note(f"{phase}: {' '.join(wanted.argv)}")
        wanted = self.apart.caged(wanted, scene, socket, phase)
        with self._phase(phase) as took:
            bounds = Bounds(limit=self._left(limits.build if phase is Phase.BUILD else limits.run),
                            no_output=limits.no_output, grace=limits.grace)  # fmt: skip
            stop, began = self.stop if board is None else board.stop, time.monotonic()
            ended = await self.apart.watched(wanted, bounds, stop, self.log.write, socket)
            took.append(ended.code)
            if board is not None and not ended.survived:
                await self._hear(board, ended, bounds.limit - (time.monotonic() - began))
        if ended.left:
            self.log.note(f"{phase}: left processes behind, killed: {ended.left}")
        self._judge(ended, program, phase)
        self.log.note(f"{phase}: done in {self.phases[-1].seconds:.2f} s")

    async def _hear(self, board: Session, ended: Ended, left: float) -> None:
        """Let the board have its say before the script's own end counts: a pulled cable is no commit's fault."""
        if self.stop.asked.is_set():
            return
        if ended.code != 0:
            await board.judge()
            board.insist_on_devices()
            together.insist_on_devices(self._further())
            return
        try:
            await board.until_said(left)
        except TimeoutError:
            raise self._too_long(Phase.RUN, self.configuration.limits.run) from None
        self._check(Phase.RUN)

    def _judge(self, ended: Ended, program: str, phase: Phase) -> None:
        """Say what the end of a script means for the job; return only if it is good."""
        over: Over | None = None
        limits = self.configuration.limits
        if ended.cause is process.Cause.STOPPED and not ended.survived:
            if not self.stop.asked.is_set():
                return  # the board said that the run is over
            over = self._stopped(phase)
        elif ended.cause is process.Cause.LIMIT and not ended.survived:
            over = self._too_long(phase, limits.build if phase is Phase.BUILD else limits.run)
        else:
            outcome, reason = explain(ended, program, phase, limits)
            if outcome is Outcome.FAILED and (free := shutil.disk_usage(self.lab.workspace.root).free) < FULL:
                outcome, reason = Outcome.ERRORED, f"infra:disk {free} bytes are free ({reason})"
            if ended.cause is process.Cause.NO_OUTPUT:
                reason += "; the last lines were\n" + "\n".join(line[:LINE] for line in self.log.last_lines(LAST_LINES))
            if outcome is not Outcome.PASSED:
                over = Over(outcome, reason, phase, ended.code if outcome is Outcome.FAILED else None)
        if over is not None:
            self.log.note(f"{phase}: {over.verdict.reason.splitlines()[0]}")
            raise over

    @contextlib.contextmanager
    def _phase(self, phase: Phase) -> Any:
        """Measure a phase, also when the job ends in it; what is put into the list is the exit code."""
        self.keeper.phase = phase
        started, code = time.monotonic(), list[int | None]()
        try:
            yield code
        finally:
            seconds = round(time.monotonic() - started, 4)
            self.phases.append(PhaseEnd(phase=phase, seconds=seconds, exit_code=code[0] if code else None))
            if phase is Phase.RUN:
                self.keeper.phase = Phase.COLLECT  # the board is free of us

    async def _within(self, work: Coroutine[Any, Any, Value], phase: Phase, limit: float | None) -> Value:
        """Wait for something of our own, until it is done, its limit is over, or the job is to stop."""
        task, asked = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.asked.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {task, asked}
            await asyncio.wait(waiting, timeout=self._left(limit), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise self._stopped(phase) if asked.done() else self._too_long(phase, limit)
        finally:
            asked.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _check(self, phase: Phase) -> None:
        """End the job here if it is to stop or its time is over."""
        if self.stop.asked.is_set():
            raise self._stopped(phase)
        if self._left(None) == 0:
            raise self._too_long(phase, None)

    def _left(self, limit: float | None) -> float:
        """Give the seconds left of a phase that begins now, and of the job."""
        until = [] if limit is None else [limit]
        own = self.configuration.limits.job
        if self.keeper.deadline is not None:
            until.append(self.keeper.deadline - time.monotonic())
        if own is not None:
            until.append(self.keeper.claimed_at + own - time.monotonic())
        return max(0.0, min(until)) if until else 366 * 86400.0

    def _too_long(self, phase: Phase, limit: float | None) -> Over:
        if limit is None or self._left(None) <= 0:
            seconds = min(each for each in (self.lease.limit_s, self.configuration.limits.job, 1e9) if each is not None)
            told = f"the job took longer than {seconds:g} s" if seconds < 1e9 else "the job's time was over"
            return Over(Outcome.TIMED_OUT, f"limit: {told} (in {phase})", phase)
        return Over(Outcome.TIMED_OUT, f"limit: {phase} took longer than {limit:g} s", phase)

    def _stopped(self, phase: Phase) -> Over:
        match self.stop.cause:
            case Cause.SHUTDOWN:
                return Over(Outcome.ERRORED, "infra:agent the builder was stopped", phase)
            case Cause.DISK:
                most = self.lab.config.sandbox.disk / (1 << 20)
                return Over(Outcome.FAILED, f"limit: {phase} wrote more than {most:.0f} MiB", phase)
            case Cause.FENCED | Cause.LOST:
                return Over(Outcome.ERRORED, "infra:lost the builder had no contact with the service", phase)
            case _:
                return Over(Outcome.CANCELLED, f"cancel: asked for during {phase}", phase)
