"""A comparison on one board: base and head run by turns until enough is known, or its time is over.

Whatever changes on the board or in the room over minutes meets both sides alike: B H, H B, B H, … so that each is
first as often as the other. The service looks at the numbers now and then and says how many pairs are to follow.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from builders.checkout import Checkout
from builders.child_socket import ChildSocket
from builders.course import Course
from builders.protocol import Comparing, Look, Outcome, Phase, Side
from builders.results import Taken
from builders.sender import PATIENCE_S
from builders.service import Incomplete, ServiceError, persist
from builders.verdict import Over

ROOM = 1.25  # a pair is begun only if the job's time would hold one that takes so much longer than the longest yet
MAX_RESULTS = 64 << 20  # bytes of all result files together
REPAIRS = 5  # how often files that did not arrive whole are sent again
PAIR, RUN = "RIGLINE_PAIR", "RIGLINE_RUN"

BaseWork = Callable[[Checkout], Awaitable[None]]


class NoBase(Exception):
    """The base cannot be measured; the text says why, after "the base"."""


class Turns:
    """The turns of both sides. `results` grows with each run; `no_base` says why the base was given up, if it was."""

    def __init__(self, course: Course, wanted: Comparing, sides: Mapping[Side, Checkout], socket: ChildSocket) -> None:
        self.course, self.wanted, self.sides, self.socket = course, wanted, sides, socket
        self.results: list[Taken] = []
        self.no_base = ""
        self.pairs = 0  # complete ones, without the warm-up
        self.longest = 0.0  # seconds that a pair took
        self.began: float | None = None  # when the first run phase did

    async def take(self) -> None:
        """Build the base, then take turns. Without a base the head is measured alone, as a job without one would be.

        Raises:
            Over: the head is at fault, or the job is to stop.
        """
        try:
            await self._of_base(self._prepare)
            await self._pairs()
        except NoBase as without:
            self.no_base = str(without)
            self.course.log.note(f"there is nothing to compare with: the base {without}; the head is measured alone")
            await self._turn(Side.HEAD, None)

    async def _prepare(self, base: Checkout) -> None:
        self.course.log.note(f"the base is {self.wanted.base.commit}")
        await base.fetch()
        await base.build(self.socket)

    async def _pairs(self) -> None:
        due, number = self.wanted.pairs, 0
        while due > 0 and self._has_room():
            is_warm_up = number < self.wanted.warm_up
            await self._pair(number, is_warm_up=is_warm_up)
            number += 1
            if is_warm_up:
                continue
            self.pairs, due = self.pairs + 1, due - 1
            if due == 0:
                due = await self.course.within(self._look(), Phase.COLLECT, None)
        self.course.log.note(f"{self.pairs} pairs were measured")

    def _has_room(self) -> bool:
        """Say whether another pair may be begun: within the budget, and within what is left of the job's time."""
        self.course.check(Phase.RUN)
        if self.began is None:
            self.began = time.monotonic()
        if time.monotonic() - self.began >= self.wanted.budget_s:
            self.course.log.note(f"the comparison's {self.wanted.budget_s:g} s are over")
            return False
        if self.course.left(None) < self.longest * ROOM:
            self.course.log.note("the job's time does not hold another pair")
            return False
        return True

    async def _pair(self, number: int, *, is_warm_up: bool) -> None:
        order = (Side.BASE, Side.HEAD) if number % 2 == 0 else (Side.HEAD, Side.BASE)
        self.course.log.note("the warm-up pair" if is_warm_up else f"pair {self.pairs + 1}")
        started = time.monotonic()
        for which in order:
            if which is Side.BASE:
                await self._of_base(lambda _: self._turn(Side.BASE, number))
            else:
                await self._turn(Side.HEAD, number)
        self.longest = max(self.longest, time.monotonic() - started)

    async def _turn(self, which: Side, pair: int | None) -> None:
        """Run one side, as often as the job repeats; only the first run finds the other side's program on the board."""
        side = self.sides[which]
        for run in range(max(1, self.course.lease.repeat)):
            self.course.log.note(f"{which} runs")
            also = {RUN: str(run), **({} if pair is None else {PAIR: str(pair)})}
            await side.run(self.socket, also)
            await side.collect(self.results, pair)
            self._check_size()

    def _check_size(self) -> None:
        """Bound what the service has to read at each look."""
        if sum(each.size for each in self.results) > MAX_RESULTS:
            told = f"limit: the results of all pairs have more than {MAX_RESULTS >> 20} MiB"
            raise Over(Outcome.FAILED, told, Phase.COLLECT)

    async def _of_base(self, work: BaseWork) -> None:
        """Do something with the base; what it does wrong ends the comparison, not the job."""
        try:
            await work(self.sides[Side.BASE])
        except Over as over:
            if not self._is_of_base(over):
                raise
            raise NoBase(f"ended badly: {over.verdict.reason.splitlines()[0]}") from over

    def _is_of_base(self, over: Over) -> bool:
        """Tell the base's own failings from those of the job, the lab and its time."""
        verdict = over.verdict
        if self.course.stop.asked.is_set() or self.course.left(None) <= 0:
            return False
        return verdict.outcome in (Outcome.FAILED, Outcome.TIMED_OUT) or verdict.reason.startswith("infra:fetch")

    async def _look(self) -> int:
        """Send what was measured, and ask how many pairs are to follow.

        Raises:
            Over: the service cannot be asked any more.
        """
        try:
            more = await self._asked()
        except ServiceError as problem:
            raise Over(Outcome.ERRORED, f"infra:service nobody judges the pairs: {problem}", Phase.COLLECT) from problem
        self.course.log.note(f"{more} more pairs are wanted" if more else "no more pairs are wanted")
        return more

    async def _asked(self) -> int:
        lease, service = self.course.lease, self.course.keeper.service
        look = Look(epoch=lease.epoch, pairs=self.pairs, results=[each.named for each in self.results])
        tries = 0
        while True:
            await self._send()
            try:
                return (await persist(lambda: service.look(lease.attempt_id, look), for_s=PATIENCE_S)).more
            except Incomplete:
                tries += 1
                if tries == REPAIRS:
                    raise
                for each in self.results:
                    each.is_sent = False

    async def _send(self) -> None:
        lease, service = self.course.lease, self.course.keeper.service
        for each in self.results:
            if not each.is_sent:
                await persist(lambda each=each: service.put_result(lease, each), for_s=PATIENCE_S)  # type: ignore[misc]
                each.is_sent = True
