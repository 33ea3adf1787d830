"""What keeps one job apart from the machine and from other jobs: its tree, its walls, and that nothing stays of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from builders import cgroup, disk, process
from builders.child_socket import ChildSocket
from builders.config import Configuration
from builders.environment import Scene
from builders.logs import JobLog
from builders.process import Bounds, Command, Ended
from builders.protocol import Lease, Outcome, Phase
from builders.sandbox import Refusal, Room, Sandbox, told
from builders.stop import Cause, Stop
from builders.verdict import Over
from builders.workspace import FetchError, Tree, Workspace, remove


class Apart:
    """The walls around one job."""

    def __init__(
        self, sandbox: Sandbox, workspace: Workspace, lease: Lease, *, stop: Stop, log: JobLog, folder: Path
    ) -> None:
        self.sandbox, self.workspace, self.lease = sandbox, workspace, lease
        self.stop, self.log, self.folder = stop, log, folder

    def admit(self, configuration: Configuration) -> None:
        """Say what surrounds the job.

        Raises:
            Over: this builder has no walls for it.
        """
        try:
            sandboxed = self.sandbox.covers(trusted=self.lease.trusted, ej=configuration.ej)
        except Refusal as problem:
            raise Over(Outcome.ERRORED, str(problem), Phase.FETCH) from problem
        if sandboxed:
            boards = [self.sandbox.config.board(name) for name in (self.lease.board, *self.lease.further)]
            self.log.note(told(self.sandbox, boards, trusted=self.lease.trusted))

    @contextlib.asynccontextmanager
    async def reset(self) -> AsyncIterator[None]:
        """Leave nothing of a job but its log and results; of untrusted code not even its tree."""
        try:
            yield
        finally:
            try:
                await asyncio.to_thread(remove, self.folder / "tmp")
                if not self.lease.trusted or self.stop.cause is Cause.DISK:
                    await self.workspace.forget(self.lease.board, self.lease.source)
            except FetchError as problem:
                self.log.note(str(problem))

    async def tree(self, configuration: Configuration) -> Tree:
        """Check out anew what is not trusted, and take the build files that are not its to change from the base.

        Raises:
            FetchError: the commit or its base cannot be had.
        """
        source, note = self.lease.source, self.log.note
        if configuration.library is not None and self.lease.trusted:
            return await self.workspace.prepare_library(configuration.library, source, note)
        if self.lease.trusted:
            return await self.workspace.prepare(self.lease.board, source, note, clean=configuration.clean)
        tree = await self.workspace.prepare_anew(self.lease.board, source, note)
        patterns = [*configuration.trusted_files, *source.trusted_files]
        if patterns:
            await self.workspace.lay_over(tree.path, source, patterns, note)
        return tree

    def caged(self, wanted: Command, scene: Scene, socket: ChildSocket, phase: Phase) -> Command:
        """Put a command behind its walls.

        Raises:
            Over: it must be, and cannot.
        """
        home = self.workspace.home(self.lease.board, self.lease.source)
        room = Room(home=home, temporary=self.folder / "tmp", out=self.folder / "out", socket=socket.path.parent)
        for each in (room.home, room.temporary):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return self.sandbox.caged(wanted, scene, room, phase)
        except Refusal as problem:
            raise Over(Outcome.ERRORED, str(problem), phase) from problem

    async def watched(
        self, wanted: Command, bounds: Bounds, stop: Stop, output: Callable[[bytes], None], socket: ChildSocket
    ) -> Ended:
        """Run a command, and stop the job if it fills the disk; its control group is gone afterwards."""
        most, places = self.sandbox.config.sandbox.disk, (wanted.cwd, self.folder)
        guard = asyncio.create_task(disk.guard(places, most, lambda: self.stop.ask(Cause.DISK, force=True)))
        try:
            return await process.run(wanted, bounds, output=output, stop=stop, polite=socket.tell_exit)
        finally:
            guard.cancel()
            if wanted.cage.group is not None:
                await asyncio.to_thread(cgroup.remove, wanted.cage.group)
