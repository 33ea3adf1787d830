"""One commit of a job: its tree, and what is done with it in each phase. A comparison has two, any other job one."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from builders import artefacts, process
from builders.apart import Apart
from builders.artefacts import Artefact
from builders.boards import together
from builders.boards.session import Session
from builders.boards.together import Together
from builders.child_socket import ChildSocket
from builders.config import Board
from builders.course import Course
from builders.environment import Scene, command
from builders.process import Bounds, Ended
from builders.protocol import Lease, Outcome, Phase, Side
from builders.results import ResultError, ResultPlace, Taken, binary_sha256, keep
from builders.verdict import Over, explain
from builders.workspace import FetchError, Tree

LAST_LINES = 20
FULL = 32 << 20  # bytes free: what fails with less fails for want of room
SIDE = "RIGLINE_SIDE"  # variable that says which side of a comparison a script works for
LINE = 180  # characters shown of each: all of them fit into a reason


class Checkout:
    """One commit.

    Args:
        lease: the job's, with the source of this side.
        folder: of the attempt, or below it: outputs of this side's scripts, which the other one does not see.
    """

    def __init__(self, course: Course, apart: Apart, lease: Lease, folder: Path, side: Side) -> None:
        self.course, self.apart, self.lease, self.folder, self.side = course, apart, lease, folder, side
        self.lab, self.stop, self.log = course.lab, course.stop, course.log
        self.binary = ""  # SHA-256 of what is run, once it was built and if the configuration names it
        self.tree: Tree

    async def fetch(self) -> None:
        """Check the commit out.

        Raises:
            Over: it cannot be had.
        """
        limit = self.course.configuration.limits.fetch
        with self.course.phase(Phase.FETCH):
            try:
                fetching = self.apart.tree(self.course.configuration)
                self.tree = await self.course.within(fetching, Phase.FETCH, limit)
            except FetchError as problem:
                self.log.note(f"fetch failed: {problem}")
                if "fsck error" in str(problem):  # the commit was made so that git would be tricked
                    raise Over(Outcome.FAILED, f"fetch: git refuses the commit: {problem}", Phase.FETCH) from problem
                raise Over(Outcome.ERRORED, f"infra:fetch {problem}", Phase.FETCH) from problem
            except Over as over:
                if over.verdict.outcome is Outcome.TIMED_OUT and self.course.left(None) > 0:  # not the job's own time
                    told = f"infra:fetch the remote is too slow: fetch took longer than {limit:g} s"
                    self.log.note(told.removeprefix("infra:"))
                    raise Over(Outcome.ERRORED, told, Phase.FETCH) from over
                raise

    async def build(self, socket: ChildSocket) -> None:
        """Build the commit, when it is this job's turn on the machine.

        Raises:
            Over: it cannot be built.
        """
        await self.course.within(self.course.keeper.accepted.wait(), Phase.BUILD, None)
        await self.course.within(self.lab.builds.acquire(), Phase.BUILD, None)
        try:
            await self._script(self._scene(socket, {}), Phase.BUILD, socket)
        finally:
            self.lab.builds.release()
        named = self.course.configuration.binary
        if named is not None:
            self.binary = await asyncio.to_thread(binary_sha256, self.tree.path, named)
            self.log.note(f"{named}: {self.binary or 'is no file below the work tree'}")

    async def run(self, socket: ChildSocket, env: Mapping[str, str] | None = None) -> None:
        """Run it once on the board.

        Raises:
            Over: it did not end well.
        """
        await self.course.within(self.course.keeper.held.wait(), Phase.RUN, None)  # no touch of the board else
        try:
            self._place().remove()
        except ResultError as problem:
            raise Over(Outcome.ERRORED, f"config: {problem}", Phase.RUN) from problem
        scene = self._scene(socket, env or {})
        further = [self._session(each, is_first=False) for each in self.lab.further(self.lease)]
        async with Together(self._session(self._board()), further) as session:
            await self._script(scene, Phase.RUN, socket, session)

    async def collect(self, results: list[Taken], pair: int | None = None) -> None:
        """Take the result of the run before, if it left one, as the next of the job's.

        Raises:
            Over: there is something else at its place.
        """
        configuration = self.course.configuration
        with self.course.phase(Phase.COLLECT):
            reading = asyncio.to_thread(self._place().read)
            try:
                data = await self.course.within(reading, Phase.COLLECT, configuration.limits.collect)
            except ResultError as problem:
                self.log.note(str(problem))
                raise Over(Outcome.FAILED, f"run: {problem}", Phase.COLLECT) from problem
        if data is not None:
            taken = keep(data, self.course.folder, len(results), side=self.side, pair=pair)
            taken.binary, taken.wanted = self.binary, configuration.format
            results.append(taken)
        elif not configuration.ej:
            self.log.note(f"warning: the run wrote no result to {self._place().path}")

    async def keep_artefacts(self) -> list[Artefact]:
        """Copy what the configuration wants to keep. Whatever goes wrong here changes no verdict."""
        patterns = self.course.configuration.artefacts
        if not patterns or self.stop.asked.is_set():
            return []
        found, told = list[Artefact](), list[str]()
        copying = asyncio.to_thread(artefacts.collect, self.tree.path, patterns, self.folder, told.append)
        try:
            with self.course.phase(Phase.COLLECT):
                found = await self.course.within(copying, Phase.COLLECT, self.course.configuration.limits.collect)
        except Over as over:
            self.log.note(f"warning: no artefact is kept: {over.verdict.reason}")
        except OSError as problem:
            self.log.note(f"warning: no artefact is kept: {problem.strerror}")
        for line in (*told, *(f"artefact {each.name}: {each.size} bytes" for each in found)):
            self.log.note(line)
        return found

    def _board(self) -> Board:
        return self.lab.config.board(self.lease.board)

    def _session(self, board: Board, *, is_first: bool = True) -> Session:
        return Session(
            self.lab.config,
            board,
            self.log,
            self.stop,
            folder=self.folder,
            reads_console=is_first,
            patience=self.course.configuration.limits.grace,
            keep_power=is_first and self.lease.keep_power,
        )

    def _place(self) -> ResultPlace:
        results = self.course.configuration.results
        if results is None:
            return ResultPlace(self.folder / "out" / "results.json", self.folder)
        if (library := self._library()) is not None:
            inside = Path(results).is_relative_to(library)
            path = (
                self.tree.path / Path(results).relative_to(library)
                if inside
                else self.folder / "out" / Path(results).name
            )
            return ResultPlace(path, self.tree.path if inside else self.folder)
        if Path(results).is_absolute():
            return ResultPlace(Path(results), None)
        return ResultPlace(self.tree.path / results, self.tree.path)

    def _library(self) -> Path | None:
        """Say where untrusted scripts in EJ's form find their tree, which is none that others ever build in."""
        return None if self.lease.trusted else self.course.configuration.library

    def _scene(self, socket: ChildSocket, env: Mapping[str, str]) -> Scene:
        (self.folder / "out").mkdir(parents=True, exist_ok=True)
        library = self._library()
        return Scene(
            config=self.lab.config,
            configuration=self.course.configuration,
            lease=self.lease,
            tree=self.tree.path,
            results=Path(self.course.configuration.results or "") if library else self._place().path,
            seen=library,
            socket=socket.path,
            serial_log=None if self._board().serial is None else self.folder / "out" / "serial.log",
            also={**({SIDE: self.side.value} if self.lease.compare else {}), **env},
        )

    async def _script(self, scene: Scene, phase: Phase, socket: ChildSocket, board: Session | None = None) -> None:
        """Run the script of one phase; the job is over unless it ends well and in time."""
        self.course.check(phase)
        limits = self.course.configuration.limits
        wanted = command(scene, phase)
        program = wanted.argv[0]
        self.log.note(f"{phase}: {' '.join(wanted.argv)}")
        wanted = self.apart.caged(wanted, scene, socket, phase)
        with self.course.phase(phase) as took:
            bounds = Bounds(limit=self.course.left(limits.build if phase is Phase.BUILD else limits.run),
                            no_output=limits.no_output, grace=limits.grace)  # fmt: skip
            stop, began = self.stop if board is None else board.stop, time.monotonic()
            ended = await self.apart.watched(wanted, bounds, stop, self.log.write, socket)
            took.append(ended.code)
            if board is not None and not ended.survived:
                await self._hear(board, ended, bounds.limit - (time.monotonic() - began))
        if ended.left:
            self.log.note(f"{phase}: left processes behind, killed: {ended.left}")
        self._judge(ended, program, phase)
        self.log.note(f"{phase}: done in {self.course.phases[-1].seconds:.2f} s")

    async def _hear(self, board: Session, ended: Ended, left: float) -> None:
        """Let the board have its say before the script's own end counts: a pulled cable is no commit's fault."""
        if self.stop.asked.is_set():
            return
        if ended.code != 0:
            await board.judge()
            board.insist_on_devices()
            together.insist_on_devices(self.lab.further(self.lease))
            return
        try:
            await board.until_said(left)
        except TimeoutError:
            raise self.course.too_long(Phase.RUN, self.course.configuration.limits.run) from None
        self.course.check(Phase.RUN)

    def _judge(self, ended: Ended, program: str, phase: Phase) -> None:
        """Say what the end of a script means for the job; return only if it is good."""
        over: Over | None = None
        limits = self.course.configuration.limits
        if ended.cause is process.Cause.STOPPED and not ended.survived:
            if not self.stop.asked.is_set():
                return  # the board said that the run is over
            over = self.course.stopped(phase)
        elif ended.cause is process.Cause.LIMIT and not ended.survived:
            over = self.course.too_long(phase, limits.build if phase is Phase.BUILD else limits.run)
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
