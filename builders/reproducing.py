"""Do a job of the service again here: the same commit, configuration and board, with the log on the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx2

from builders import environment
from builders.config import Board, Config, ConfigError
from builders.job import Job
from builders.lab import Lab
from builders.lease import Keeper
from builders.logs import JobLog
from builders.protocol import Kind, Lease, Outcome, Source
from builders.service import Service
from builders.state import State, StateError, default_root
from builders.stop import Stop
from builders.verdict import Verdict

BAD, UNREACHABLE = 1, 3


class NotReproduced(Exception):
    """It could not be done; the text says why, the status is the command's."""

    def __init__(self, text: str, status: int = BAD) -> None:
        super().__init__(text)
        self.status = status


def reproduce(config: Config, server: str, job_id: int, board: str | None) -> Verdict:
    """Do a job again here.

    Args:
        board: the board of this builder to take; None: the one it was on, else one of its type.

    Raises:
        NotReproduced: it cannot be done here.
    """
    recipe = _recipe(server, job_id)
    try:
        here = _board(config, recipe, board)
        state = State(config.state_dir or default_root(os.environ.get("RIGLINE_BUILDER_ID", "")))
    except (ConfigError, StateError) as problem:
        raise NotReproduced(str(problem)) from problem
    try:
        with tempfile.TemporaryDirectory(prefix="rigline-") as folder:
            lease = _lease(recipe, here)
            return asyncio.run(_perform(config, config.work_dir or state.root / "work", lease, Path(folder), server))
    finally:
        state.close()


def _recipe(server: str, job_id: int) -> dict[str, Any]:
    token = os.environ.get("RIGLINE_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    where = f"{server.rstrip('/')}/api/v1/jobs/{job_id}/recipe"
    try:
        answer = httpx2.get(where, headers=headers, timeout=30)
    except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
        raise NotReproduced(f"{server} cannot be reached: {problem}; check the address", UNREACHABLE) from problem
    try:
        said = answer.json()
        if answer.is_success:
            return dict(said)
        refusal = str(said["error"]["message"])
    except (ValueError, TypeError, KeyError) as problem:
        raise NotReproduced(f"{server} does not answer as a Rigline service", UNREACHABLE) from problem
    raise NotReproduced(refusal)


def _board(config: Config, recipe: dict[str, Any], chosen: str | None) -> Board:
    """Find the board: the chosen one, the one of the same name, or any of the type.

    Raises:
        ConfigError: there is none, or it lacks the configuration.
    """
    if chosen is not None:
        found = config.board(chosen)
    else:
        fits = [each for each in config.boards if recipe["board_type"] in (each.type, each.name)]
        named = [each for each in fits if each.name == recipe["board"]]
        if not fits:
            raise ConfigError(f"{config.path}: no board of type {recipe['board_type']!r}; --board chooses another one")
        found = (named or fits)[0]
    found.configuration(recipe["configuration"])
    return found


def _lease(recipe: dict[str, Any], board: Board) -> Lease:
    source = Source(
        repository=recipe["key"],
        name=recipe["repository"],
        url=recipe["clone_url"],
        commit=recipe["commit"],
        ref=recipe["ref"],
        base=recipe.get("base"),
        trusted_files=recipe.get("trusted_files") or [],
        token=os.environ.get("RIGLINE_REMOTE_TOKEN") or None,
    )
    return Lease(
        attempt_id=0,
        job_id=recipe["job_id"],
        pipeline_id=0,
        epoch=0,
        board=board.name,
        further=sorted(board.configuration(recipe["configuration"]).further),
        configuration=recipe["configuration"],
        kind=Kind(recipe["kind"]),
        source=source,
        trusted=bool(recipe.get("trusted")),
        repeat=recipe["repeat"],
        limit_s=recipe["limit_s"],
        arguments=recipe.get("arguments") or {},
    )


async def _perform(config: Config, work: Path, lease: Lease, folder: Path, server: str) -> Verdict:
    work.mkdir(parents=True, exist_ok=True)
    lab = Lab.of(config, work, folder, [])
    stop, service = Stop(), Service(server, "")
    keeper = Keeper(service, lease, stop, lambda _: None)
    keeper.accepted.set()  # nobody else has this board: the state folder is locked
    keeper.held.set()
    secrets = environment.secrets(config, config.board(lease.board).configuration(lease.configuration))
    log = TerminalLog(folder, [*secrets, *filter(None, [lease.source.token])])
    job = Job(lab, keeper, stop, log, folder)
    try:
        verdict = await job.perform()
    finally:
        log.close()
        log.release()
        await service.close()
    for each in job.results:
        number, data = each.number, each.path.read_bytes()
        TerminalLog.show(f"[rigline] result {number}: {len(data)} bytes\n".encode() + data.rstrip(b"\n") + b"\n")
    return verdict


class TerminalLog(JobLog):
    """A log that is shown too."""

    def _store(self, data: bytes) -> None:
        super()._store(data)
        self.show(data)

    @staticmethod
    def show(data: bytes) -> None:
        """Write to the terminal, byte by byte as a job's own output."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def is_good(verdict: Verdict) -> bool:
    """Say whether the command shall end with 0."""
    return verdict.outcome in (Outcome.PASSED, Outcome.SKIPPED)
