"""Build, run and check out without a service: what `validate` and `checkout` do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import isolation, process
from builders.child_socket import ChildSocket
from builders.config import Board, Config, Configuration
from builders.environment import Scene, command
from builders.masking import mask_text
from builders.process import Bounds
from builders.protocol import Kind, Lease, Outcome, Phase, Source
from builders.results import SKIP, ResultError, ResultPlace
from builders.sandbox import Refusal, Room, Sandbox, told
from builders.state import State, StateError, default_root
from builders.stop import Stop
from builders.verdict import explain
from builders.workspace import FetchError, Workspace, safe

Check = dict[str, Any]
COMMIT = "0" * 40  # the tree is taken as it is


def validate(config: Config, tree: Path, *, quiet: bool) -> list[Check]:
    """Build all configurations in file order, then run all; a failed build ends it.

    Args:
        quiet: print no output of the scripts.
    """
    return asyncio.run(_validate(config, tree, quiet))


async def _validate(config: Config, tree: Path, quiet: bool) -> list[Check]:
    checks: list[Check] = []
    walls = Sandbox(config, replace(isolation.for_jobs(config), groups=None))  # groups are the agent's to divide
    with tempfile.TemporaryDirectory(prefix="rigline-") as folder:
        for phase in (Phase.BUILD, Phase.RUN):
            if any(each["outcome"] != Outcome.PASSED for each in checks):
                break
            for board in config.boards:
                for configuration in board.configurations:
                    trial = _Trial(walls, board, configuration, tree, Path(folder))
                    checks.append(await trial.check(phase, _ignore if quiet else _print))
    return checks


def summary(checks: list[Check]) -> list[str]:
    """Say in one line each how it went."""
    lines = [""]
    for each in checks:
        reason = f": {each['reason'].splitlines()[0]}" if each["reason"] else ""
        lines.append(
            f"{each['outcome']:9} {each['phase']:5} {each['board']} - {each['configuration']} "
            f"({each['seconds']:.2f} s){reason}"
        )
        if each["result"] is not None:
            lines += [f"  result: {line}" for line in each["result"].splitlines()[:20]]
    return lines


class _Trial:
    """One phase of one configuration, on a tree as it is, behind the walls of a job that is trusted."""

    def __init__(self, walls: Sandbox, board: Board, configuration: Configuration, tree: Path, folder: Path) -> None:
        self.walls, self.board, self.configuration = walls, board, configuration
        self.tree = configuration.library or tree
        source = Source(repository="local", name=str(self.tree), url=str(self.tree), commit=COMMIT)
        self.lease = Lease(attempt_id=0, job_id=0, pipeline_id=0, epoch=0, board=board.name, source=source,
                           further=sorted(configuration.further),
                           configuration=configuration.name, kind=Kind.RUN, trusted=True)  # fmt: skip
        self.folder = folder / safe(board.name) / safe(configuration.name)
        for name in ("home", "tmp", "out"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.place = self._place(self.folder / "out" / "results.json")

    def _place(self, otherwise: Path) -> ResultPlace:
        results = self.configuration.results
        if results is None:
            return ResultPlace(otherwise, None)
        inside = None if Path(results).is_absolute() else self.tree
        return ResultPlace(self.tree / results, inside)

    async def check(self, phase: Phase, output: Callable[[bytes], None]) -> Check:
        """Run one script and say how it went."""
        output(f"[rigline] {phase} {self.lease.board} - {self.configuration.name}\n".encode())
        if self.walls.covers(trusted=True, ej=self.configuration.ej):
            output(f"[rigline] {told(self.walls, [self.board], trusted=True)}\n".encode())
        started = time.monotonic()
        outcome, reason, result = await self._outcome(phase, output)
        return {
            "board": self.lease.board,
            "configuration": self.configuration.name,
            "phase": str(phase),
            "outcome": str(outcome),
            "reason": reason,
            "seconds": round(time.monotonic() - started, 3),
            "result": result,
        }

    async def _outcome(self, phase: Phase, output: Callable[[bytes], None]) -> tuple[Outcome, str, str | None]:
        try:
            if phase is Phase.RUN:
                self.place.remove()
            outcome, reason = await self._script(phase, output)
            data = self.place.read() if phase is Phase.RUN and outcome is Outcome.PASSED else None
        except (ResultError, OSError) as problem:
            return Outcome.ERRORED, f"config: {problem}", None
        except Refusal as problem:
            return Outcome.ERRORED, str(problem), None
        if data is not None and data.strip() == SKIP:
            outcome = Outcome.SKIPPED
        return outcome, reason, None if data is None else data.decode(errors="replace")

    async def _script(self, phase: Phase, output: Callable[[bytes], None]) -> tuple[Outcome, str]:
        limits = self.configuration.limits
        limit = limits.build if phase is Phase.BUILD else limits.run
        async with ChildSocket() as socket:
            scene = Scene(config=self.walls.config, configuration=self.configuration, lease=self.lease, tree=self.tree,
                          results=self.place.path, socket=socket.path)  # fmt: skip
            room = Room(home=self.folder / "home", temporary=self.folder / "tmp", out=self.folder / "out",
                        socket=socket.path.parent)  # fmt: skip
            wanted = command(scene, phase)
            ended = await process.run(
                self.walls.caged(wanted, scene, room, phase),
                Bounds(limit=limit, no_output=limits.no_output, grace=limits.grace),
                output=output,
                stop=Stop(),
                polite=socket.tell_exit,
            )
        return explain(ended, wanted.argv[0], phase, limits)


def checkout(config: Config, url: str, commit: str, ref: str | None, token: str | None) -> str:
    """Check a commit out in every work tree; return what went wrong, or an empty text."""
    token = token or os.environ.get("RIGLINE_REMOTE_TOKEN") or None
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    source = Source(repository=key, name=url, url=url, commit=commit.lower(), ref=ref, token=token)
    try:
        state = State(config.state_dir or default_root(os.environ.get("RIGLINE_BUILDER_ID", "")))
    except StateError as problem:
        return str(problem)
    try:
        asyncio.run(_checkout(config, config.work_dir or state.root / "work", source))
    except FetchError as problem:
        return mask_text(str(problem), [token or ""])
    finally:
        state.close()
    return ""


async def _checkout(config: Config, work: Path, source: Source) -> None:
    workspace = Workspace(work)

    def note(text: str) -> None:
        _print(mask_text(text + "\n", [source.token or ""]).encode())

    libraries = {each.library for board in config.boards for each in board.configurations if each.library}
    for library in sorted(libraries):
        note(f"{library}:")
        await workspace.prepare_library(library, source, note)
    for board in config.boards:
        if any(each.library is None for each in board.configurations):
            tree = await workspace.prepare(board.name, source, note)
            note(f"{board.name}: {tree.path}")


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _ignore(_: bytes) -> None:
    return
