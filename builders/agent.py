"""The agent: says hello, claims jobs for its free boards, and ends cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import shutil
import signal
import time
import uuid
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from builders import credentials
from builders.boards import left
from builders.config import Board, Config, ConfigError
from builders.job_process import Order
from builders.lab import Lab
from builders.machine import facts
from builders.protocol import DISK_FLOOR, MAX_PROBLEM, MAX_WAIT_S, Claim, Hello, Lease
from builders.pruning import prune
from builders.reload import Watch, kept
from builders.running import Runners, Running
from builders.sender import PATIENCE_S
from builders.service import SPREAD_S, Drained, LeaseLost, Refused, Service, Unavailable, persist
from builders.state import DRAIN, State
from builders.stop import Cause
from builders.workspace import safe
from builders.zygote import Zygote, ZygoteError

logger = logging.getLogger(__name__)
HELLO_S = 20.0  # how long the service may be away at the start
FIRST_PAUSE_S = 0.5
FINISH_HEARD_S = 5.0  # for the answer to a finish, when the board's next lease is here before it
EMPTY_S = 1.0  # at least so long between two empty answers
FAREWELL_S = 30.0  # for the last deliveries after Ctrl-C; what takes longer goes on without the agent


class Agent:
    """One builder's life, from hello to Ctrl-C. The jobs run in processes of their own, which outlive it."""

    def __init__(
        self,
        config: Config,
        service: Service,
        state: State,
        work: Path,
        token: str,
        *,
        zygote: Zygote,
        tell: Callable[[str], None],
    ) -> None:
        self.tell = tell  # systemd, if it listens
        self.config, self.service, self.state, self.work, self.token = config, service, state, work, token
        work.mkdir(parents=True, exist_ok=True)
        self.lab = Lab.of(config, work, state.root, credentials.folders())
        self.runners = Runners(state.root, zygote, next_claim=self._claim_after, refused=self._refused)
        self.busy: dict[str, Running] = {}  # board → the job on it
        self.tasks: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()  # a board became free, or the agent is to end
        self.held: Claim | None = None  # the poll, while it is
        self.ending = False
        self.told = False  # to end, by a signal: a second one kills
        self.pause = FIRST_PAUSE_S
        self.refusal: Refused | None = None
        self.watch, self.problem = Watch(config.path), ""

    async def run(self) -> None:
        """Work until told to end.

        Raises:
            Unavailable: the service could not be reached at the start.
            Refused: it does not want this builder; all jobs were stopped.
        """
        self._catch_signals()
        self._prepare_sandbox()
        for running in await self.runners.listen():
            logger.info("job %d runs on %s since the agent before", running.lease.job_id, running.lease.board)
            self._watch_over(running)
        await self._switch_off()
        await self._greet()
        self.tell("READY=1")
        following = asyncio.create_task(self._follow_configuration())
        await self._claim_jobs()
        following.cancel()
        if self.told:  # a drain takes as long as its jobs do, for which systemd would not wait
            self.tell("STOPPING=1")
        await self._say_farewell()
        self.runners.close()
        if self.refusal is not None:
            raise self.refusal

    def _prepare_sandbox(self) -> None:
        """Divide our control group, if it is ours, and say what stands between jobs and this machine."""
        isolation = self.lab.sandbox.isolation
        if isolation.groups is not None:
            isolation.groups.prepare()
        if isolation.bwrap is None:
            logger.warning("no sandbox: %s; %s", isolation.problem, isolation.remedy)

    def adopt(self, token: str) -> None:
        """Take another token as this builder's own: logs must not show it either."""
        self.token = token

    async def _greet(self) -> None:
        """Say the first hello, unless told to end meanwhile."""
        hello = persist(self._hello, for_s=HELLO_S, tell=lambda problem, _: logger.warning("no hello yet: %s", problem))
        greeting, ended = asyncio.create_task(hello), asyncio.create_task(self.changed.wait())
        await asyncio.wait({greeting, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if greeting.done():
            return greeting.result()
        greeting.cancel()
        await asyncio.wait({greeting})

    async def _hello(self) -> None:
        welcome = await self.service.hello(
            Hello(
                instance=self.state.instance,
                version=_version(),
                isolation=self.lab.sandbox.isolation.level,
                facts=facts() | self.lab.sandbox.isolation.facts(),
                boards=self.config.offers(),
                problem=self.problem,
            )
        )
        boards = ", ".join(board.name for board in self.config.boards)
        logger.info("connected to %s as %s; boards: %s", self.service.server, welcome.builder, boards)

    async def _follow_configuration(self) -> None:
        """Use a changed configuration for new jobs; of one that cannot be used the service hears too."""
        async for config, problem in self.watch.changes():
            before, self.problem = self.config, problem
            if config is not None:
                self._use(config)
            if not await self._greet_changed():
                self._use(before)
                await self._greet_changed()
            self.changed.set()

    async def _greet_changed(self) -> bool:
        """Say hello with another configuration; False if the service does not take its boards."""
        try:
            await persist(self._hello, for_s=PATIENCE_S)
        except LeaseLost as refusal:
            logger.warning("no hello: %s", refusal)
        except Refused as refusal:
            if refusal.code == "board_in_use" and not self.problem:
                logger.warning("the configuration stays as it was: %s", refusal)
                self.problem = f"The configuration stays as it was: {refusal}"[:MAX_PROBLEM]
                return False
            self._refused(refusal)
        return True

    def _use(self, config: Config) -> None:
        """Running jobs keep what they began with."""
        for key in kept(self.config, config):
            logger.warning("%s: the new %s counts from the next start", config.path, key)
        self.config, self.lab = config, self.lab.under(config)

    async def _claim_jobs(self) -> None:
        """Hold one poll for all free boards; its id stays until its answer is known."""
        claim_id = _new_id()
        while not self.ending:
            self.changed.clear()
            free = self._free_boards()
            if not free:
                await self.changed.wait()
                continue
            await self._make_room()
            if await self._claim_once(claim_id, free):
                claim_id = _new_id()

    async def _make_room(self) -> None:
        """Remove old work trees when the disk is nearly full: with less the service offers nothing."""
        if self._disk_free() < DISK_FLOOR:
            in_use = [safe(board) for board in self.busy]
            await asyncio.to_thread(prune, self.work, 2 * DISK_FLOOR, in_use, self._disk_free)

    def _disk_free(self) -> int:
        return shutil.disk_usage(self.work).free

    async def _claim_once(self, claim_id: str, free: list[str]) -> bool:
        """Ask once, and take what is given; False if the answer is not known, so that the id must stay."""
        asked_at = time.monotonic()
        try:
            answered, lease = await self._poll(claim_id, free)
        except Unavailable as problem:
            await self._pause(problem)
            return False
        except Drained as problem:
            logger.info("ending: %s", problem)
            self._drain()
            return False
        except LeaseLost as problem:
            logger.warning("claim refused: %s", problem)
            await self._greet_again()
            return True
        except Refused as problem:
            self._refused(problem)
            return False
        self.pause = FIRST_PAUSE_S
        if lease is not None:
            await self._take(lease)
        elif answered and time.monotonic() - asked_at < EMPTY_S:
            await self._sleep(EMPTY_S)  # a service that does not hold the call must not be hammered
        return answered

    async def _pause(self, problem: Unavailable) -> None:
        """Wait longer each time, and never as long as the others."""
        wait = max(problem.retry_after or 0.0, self.pause) * random.uniform(0.5, 1.0)
        logger.warning("no claim, trying again in %.1f s: %s", wait, problem)
        self.pause = min(self.pause * 2, SPREAD_S)
        await self._sleep(wait)

    async def _poll(self, claim_id: str, free: list[str]) -> tuple[bool, Lease | None]:
        """Ask for a job; without an answer if another board becomes free meanwhile."""
        self.held = self._claim(claim_id, free, MAX_WAIT_S)
        asking = asyncio.create_task(self.service.claim(self.held))
        changed = asyncio.create_task(self.changed.wait())
        try:
            await asyncio.wait({asking, changed}, return_when=asyncio.FIRST_COMPLETED)
            return asking.done(), asking.result() if asking.done() else None
        finally:
            self.held = None
            for task in (asking, changed):
                task.cancel()
            await asyncio.wait({asking, changed})

    def _claim(self, claim_id: str, free: list[str], wait_s: float) -> Claim:
        return Claim(
            claim_id=claim_id,
            instance=self.state.instance,
            boards_free=free,
            wait_s=wait_s,
            disk_free=self._disk_free(),
        )

    def _claim_after(self, running: Running) -> Claim | None:
        """Say what a finish asks for: that the held poll covers the board it frees, or a job without waiting."""
        board, free = running.lease.board, self._free_boards(but=running.lease.board)
        if self.ending or board not in free:
            return None
        if self.held is not None:
            return self._claim(self.held.claim_id, free, MAX_WAIT_S)
        running.has_asked = True
        return self._claim(running.next_id, [board], 0.0)

    async def _greet_again(self) -> None:
        """The service does not know us as we are: say hello, but never in a tight loop."""
        await self._sleep(random.uniform(0.5, 1.5))
        try:
            await self._hello()
        except (Unavailable, LeaseLost) as problem:
            logger.warning("no hello: %s", problem)
        except Refused as problem:
            self._refused(problem)

    def _free_boards(self, but: str | None = None) -> list[str]:
        """List the boards without a job whose work trees are not all in use.

        Args:
            but: a board whose job counts as gone, from all its boards.
        """
        gone = None if but is None else self.busy.get(but)
        busy = {name: running for name, running in self.busy.items() if running is not gone}
        used = {self._library(running.lease) for running in busy.values()} - {None}
        return [board.name for board in self.config.boards if board.name not in busy and _has_tree(board, used)]

    def _library(self, lease: Lease) -> Path | None:
        """Name the shared work tree of a job, if it has one."""
        try:
            return self.config.board(lease.board).configuration(lease.configuration).library
        except ConfigError:
            return None

    async def _take(self, lease: Lease) -> None:
        boards = (lease.board, *lease.further)
        for before in [self.busy[name] for name in boards if name in self.busy]:
            with contextlib.suppress(TimeoutError):  # its finish may be heard there before we know
                await asyncio.wait_for(before.off_board.wait(), FINISH_HEARD_S)
        if busy := [name for name in boards if name in self.busy]:
            logger.warning("attempt %d is for the busy board %s: not taken", lease.attempt_id, busy[0])
            await self._sleep(1.0)
            return
        order = Order(
            lab=self.lab,
            lease=lease,
            folder=self.state.job_folder(lease.attempt_id),
            state=self.state.root,
            server=self.service.server,
            token=self.token,
        )
        try:
            self._watch_over(await self.runners.start(order))
        except ZygoteError:
            logger.exception("no process for attempt %d; ending, for a new start", lease.attempt_id)
            self._drain()

    def _watch_over(self, running: Running) -> None:
        """Keep the board for a job until it is off it, and know its process until it is gone."""
        self.busy |= dict.fromkeys(running.boards, running)
        for work in (self._free(running), self._bury(running)):
            task = asyncio.create_task(work)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _bury(self, running: Running) -> None:
        """See a process off; one that was killed left its board as it was."""
        await running.ended()
        self.runners.forget(running)
        if not running.off_board.is_set():
            logger.warning("the process of job %d was killed", running.lease.job_id)
            await self._switch_off()
            running.off_board.set()

    async def _switch_off(self) -> None:
        """Switch off the boards that jobs left on whose processes were killed."""
        alive = {running.folder for running in self.runners.known.values()}
        await left.switch_off(self.config, self.state.root, alive)

    async def _free(self, running: Running) -> None:
        """Give the board to the next job that its finish was answered with, or to the poll."""
        await running.off_board.wait()
        again = self._claim(running.next_id, [running.lease.board], 0.0)
        lease = None if self.ending else await running.brought(self.service, again)
        for name in running.boards:
            self.busy.pop(name, None)
        said, held = running.finished, self.held
        if lease is not None and not self.ending:
            await self._take(lease)
            if running.lease.further:  # that lease is for the job's own board: others are free besides
                self.changed.set()
        elif not (said is not None and said.is_held and held is not None and held.claim_id == running.claimed):
            self.changed.set()

    def _refused(self, problem: Refused) -> None:
        self.refusal = self.refusal or problem
        self._end(force=True)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self.watch.ask)
        loop.add_signal_handler(DRAIN, self._drain)

    def _on_signal(self) -> None:
        logger.warning("ending%s", ": killing the jobs" if self.told else ": again to kill the jobs at once")
        self.told, told_before = True, self.told
        self._end(force=told_before)

    def _drain(self) -> None:
        """Take no more jobs, and end when the running ones have ended by themselves."""
        if self.busy:
            logger.info("draining: %s still at work", ", ".join(self.busy))
        self.ending = True
        self.changed.set()

    def _end(self, *, force: bool) -> None:
        self.ending = True
        self.changed.set()
        for running in self.busy.values():
            running.stop(Cause.SHUTDOWN, force=force)

    async def _say_farewell(self) -> None:
        """Let the jobs end and report; then go, whatever is left of it."""
        while self.busy:
            self.changed.clear()
            await self.changed.wait()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=FAREWELL_S)
        for task in self.tasks:
            task.cancel()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.changed.wait(), seconds)
        except TimeoutError:
            return


def _has_tree(board: Board, used: set[Path | None]) -> bool:
    return any(each.library not in used for each in board.configurations)


def _new_id() -> str:
    return str(uuid.uuid4())


def _version() -> str:
    try:
        return metadata.version("rigline")
    except metadata.PackageNotFoundError:
        return "0"
