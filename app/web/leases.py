"""The builders' API: hello, claim, beat, wait, log, result, finish. `builders.protocol` says what each promises."""

import asyncio
import base64
import binascii
import dataclasses
import functools
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from quart import Blueprint, Response, current_app, g, jsonify, request
from quart.blueprints import BlueprintSetupState
from sqlalchemy.ext.asyncio import AsyncConnection

from app import measures
from app.db.queries import artefacts, attempts, boards, builders, leasing, logs, results
from app.deps import Deps
from app.dispatch import finish as finishing
from app.dispatch import queue
from app.dispatch.cancel import wish
from app.dispatch.claim import Claimant
from app.dispatch.signals import Ended, Signals
from app.dispatch.waiting import WaitingRoom
from app.errors import ApiError, Incomplete, Invalid, LeaseLost, LogStoreFull
from app.history.looks import MOST_PAIRS
from app.log_digests import Digest
from app.results import comparing
from app.states import JobState
from app.web import builder_auth, wire
from app.web.log_room import LogRoom
from builders.json_values import to_json
from builders.protocol import (
    LAST_WORDS,
    MAX_ARTEFACT,
    MAX_ARTEFACTS,
    MAX_CHUNK,
    MAX_LOG,
    MAX_REASON,
    MAX_REST,
    MAX_RESULT,
    MAX_WAIT_S,
    Beat,
    BeatAnswer,
    Claim,
    CommitFacts,
    Finish,
    Finished,
    Hello,
    LogSize,
    Look,
    Looked,
    NewToken,
    Signal,
    Welcome,
)

leases = Blueprint("leases", __name__, url_prefix="/api/v1")
leases.before_request(builder_auth.authenticate)
IN_PASSING = 64 << 10  # bytes of log: more are packed in a thread, while others are answered
LAST_PIECE = MAX_ARTEFACT // MAX_CHUNK - 1
ATTEMPT = f"/attempts/<int(max={wire.INT32}):attempt_id>"


@leases.record_once
def _open_rooms(state: BlueprintSetupState) -> None:
    """Make the places where held requests wait; one each per process."""
    deps: Deps = state.app.extensions["deps"]
    state.app.extensions["waiting"] = WaitingRoom(deps)
    state.app.extensions["signals"] = Signals(deps)
    state.app.extensions["log_room"] = LogRoom(deps)
    known = state.app.extensions["known_builders"] = builder_auth.Known()
    deps.notices.on("builder", lambda _hint: known.clear())  # rotated, retired or deleted: its token is checked anew


def _deps() -> Deps:
    deps: Deps = current_app.extensions["deps"]
    return deps


def _builder() -> Claimant:
    builder: Claimant = g.builder
    return builder


@leases.put("/builders/me")
async def hello() -> Response:
    """Register the boards and configurations of a builder. 409 builder_in_use: another agent lives under its name."""
    deps, builder = _deps(), _builder()
    said = await wire.model(Hello)
    wire.check_hello(said)
    async with deps.begin() as db:
        await builders.greet(db, builder.id, said)
        await boards.register(db, builder.id, said.boards)
    current_app.extensions["known_builders"].clear()
    await queue.adopt(deps, builder.name, {board.type for board in said.boards})
    await deps.notices.publish("builder", builder=builder.id)
    return jsonify(to_json(Welcome(builder=builder.name)))


@leases.post("/builders/me/token")
async def renew_token() -> Response:
    """Give the agent a new token once its own is three quarters of a month old, else 204."""
    deps, builder = _deps(), _builder()
    async with deps.begin() as db:
        secret = await builders.renew(db, builder.id, g.token_digest)
    if secret is None:
        return Response(status=204)
    return jsonify(to_json(NewToken(token=f"{builders.PREFIX}{builder.id}.{secret}")))


@leases.post("/builders/me/claim")
async def claim() -> Response:
    """Give the builder a lease, or 204 if there is no job for its boards within the wait."""
    asked = await wire.model(Claim)
    _check_claim(asked)
    room: WaitingRoom = current_app.extensions["waiting"]
    lease = await room.claim(_builder(), asked)
    return Response(status=204) if lease is None else jsonify(to_json(lease))


def _check_claim(asked: Claim) -> None:
    try:
        UUID(asked.claim_id)
    except ValueError:
        raise Invalid("claim_id: expected a UUID") from None
    wire.check_names("boards_free", asked.boards_free)
    wire.within("wait_s", asked.wait_s, 0, MAX_WAIT_S)
    wire.within("disk_free", asked.disk_free, 0, wire.INT63)


@leases.post(f"{ATTEMPT}/beat")
async def beat(attempt_id: int) -> Response:
    """Accept or extend a lease. 409 lease_lost: stop everything, drop the job."""
    deps, builder = _deps(), _builder()
    said = await wire.model(Beat)
    wire.within("epoch", said.epoch, 0, wire.INT32)
    async with deps.autocommit() as db:
        actor = f"builder {builder.name}"
        beaten = await attempts.beat(
            db, attempt_id, builder_id=builder.id, actor=actor, epoch=said.epoch, phase=said.phase
        )
        if beaten is None:
            raise await _refusal(db, attempt_id)
        if builder.is_stale:
            await builders.touch(db, {builder.id: said.disk_free})
    if beaten.is_first or beaten.is_turn:
        await finishing.announce(deps, beaten.pipeline_id, beaten.job_id, JobState.RUNNING)
    answer = BeatAnswer(cancel=wish(beaten.cancelled_s), deadline_s=max(0.0, float(beaten.left_s)))
    return jsonify(to_json(answer))


@leases.get(f"{ATTEMPT}/wait")
async def wait(attempt_id: int) -> Response:
    """Hold the request until the job is to be cancelled; `none` after `MAX_WAIT_S`."""
    deps, epoch = _deps(), wire.number("epoch", wire.INT32)
    async with deps.autocommit() as db:
        await _own(db, attempt_id, epoch)
    signals: Signals = current_app.extensions["signals"]
    try:
        cancel = await signals.wait(attempt_id, MAX_WAIT_S)
    except Ended:
        raise _lost(attempt_id) from None
    return jsonify(to_json(Signal(cancel=cancel)))


@leases.patch(f"{ATTEMPT}/log")
async def append(attempt_id: int) -> Response:
    """Append to the log at an offset. 416: a gap, with the size to go back to. 413: it is full. 507: all logs are."""
    deps, epoch, start = _deps(), wire.number("epoch", wire.INT32), wire.number("start", MAX_LOG)
    data = await wire.body(MAX_CHUNK)
    room: LogRoom = current_app.extensions["log_room"]
    if not await room.take(len(data)) and not (request.args.get("last") == "1" and len(data) <= LAST_WORDS):
        raise await _no_room(attempt_id, epoch)
    job_id, size = await _append_next(attempt_id, epoch, start, data), start + len(data)
    if job_id is None:
        job_id, size = await _append_again(attempt_id, epoch, start, data)
    measures.LOG_BYTES.inc(len(data))
    await deps.notices.publish("log", attempt=attempt_id, job=job_id, size=size)
    return jsonify(to_json(LogSize(size=size)))


async def _no_room(attempt_id: int, epoch: int) -> Exception:
    async with _deps().begin() as db:
        row = await _own(db, attempt_id, epoch)
    return LogStoreFull(
        f"No more logs are kept: RIGLINE_LOG_STORE is used up. {row.log_size} bytes of this one are.", size=row.log_size
    )


async def _append_next(attempt_id: int, epoch: int, start: int, data: bytes) -> int | None:
    """Append what comes exactly next, and digest it if all before it was; give the job's id, or None if it does not."""
    deps, log = _deps(), (attempt_id, epoch)
    work = functools.partial(_pack, data, deps.log_digests.covering(log, start))
    packed, digest = work() if len(data) <= IN_PASSING else await asyncio.to_thread(work)
    mine = {"builder_id": _builder().id, "epoch": epoch}
    async with deps.autocommit() as db:
        job_id = await logs.append_next(
            db, attempt_id, **mine, start=start, size=len(data), packed=packed, lines=data.count(b"\n")
        )
    if job_id is not None and digest is not None:
        deps.log_digests.keep(log, digest)
    return job_id


def _pack(data: bytes, known: Digest | None) -> tuple[bytes, Digest | None]:
    return logs.pack(data), known and known.after(data)


async def _append_again(attempt_id: int, epoch: int, start: int, data: bytes) -> tuple[int, int]:
    """Append what does not come exactly next, or say why it cannot be; give the job's id and the log's size."""
    async with _deps().begin() as db:
        row = await _own(db, attempt_id, epoch, for_update=True)
        return row.job_id, await logs.append(db, attempt_id, row.log_size, start, data)


@leases.put(f"{ATTEMPT}/results/<int(max=99999):number>")
async def put_result(attempt_id: int, number: int) -> Response:
    """Store the result file of one run phase, verbatim."""
    deps, epoch = _deps(), wire.number("epoch", wire.INT32)
    of = wire.result_of()
    data = await wire.body(MAX_RESULT)
    async with deps.begin() as db:
        row = await _own(db, attempt_id, epoch, for_update=True)
        facts = await leasing.lease_facts(db, attempt_id)
        most = facts.repeat * (2 * (MOST_PAIRS + 2) if facts.interleaved else 1)
        if number >= most:
            raise Invalid(f"Job {row.job_id} has at most {most} run phases; there is no result {number}.")
        sha = await attempts.store_result(db, attempt_id, number, data, **of)
    return jsonify({"number": number, "size": len(data), "sha256": sha})


@leases.post(f"{ATTEMPT}/look")
async def look(attempt_id: int) -> Response:
    """Judge a comparison so far, and say how many pairs are to follow. 412: a result file is not stored as named."""
    deps = _deps()
    said = await wire.model(Look)
    wire.within("epoch", said.epoch, 0, wire.INT32)
    wire.check_formats(said.results)
    async with deps.begin() as db:
        await _own(db, attempt_id, said.epoch)
        await results.want(db, attempt_id, said.results)
        files = await attempts.results_of(db, attempt_id)
    missing = next((each.number for each in said.results if files.get(each.number) != each), None)
    if missing is not None:
        raise Incomplete(f"Result file {missing} is not stored as it was sent.", number=missing)
    return jsonify(to_json(Looked(more=await comparing.look(deps, attempt_id))))


@leases.put(f"{ATTEMPT}/artefacts/<int(max={MAX_ARTEFACTS - 1}):number>/<int(max={LAST_PIECE}):piece>")
async def put_artefact(attempt_id: int, number: int, piece: int) -> Response:
    """Store one piece of an artefact."""
    deps, epoch = _deps(), wire.number("epoch", wire.INT32)
    data = await wire.body(MAX_CHUNK)
    async with deps.begin() as db:
        await _own(db, attempt_id, epoch, for_update=True)
        await artefacts.put_piece(db, attempt_id, number, piece, data)
    return jsonify({"number": number, "piece": piece, "size": len(data)})


@leases.put(f"{ATTEMPT}/result")
async def finish(attempt_id: int) -> Response:
    """End the attempt. The same words again: 200. Others: 409. 412: the log or a result did not arrive whole."""
    deps, builder = _deps(), _builder()
    said = _clean(await wire.model(Finish))
    room: LogRoom = current_app.extensions["log_room"]
    if said.log_rest and not await room.take(len(said.log_rest) * 3 // 4):
        said = dataclasses.replace(said, log_rest="")  # the finish says 412, and the append that follows says why
    finished = await finishing.finish(deps, builder, attempt_id, said)
    return jsonify(to_json(finished if said.claim is None else await _with_claim(finished, said.claim)))


async def _with_claim(finished: Finished, asked: Claim) -> Finished:
    """Answer the claim that came with a finish. The end stands whatever comes of that, and the builder asks again."""
    room: WaitingRoom = current_app.extensions["waiting"]
    try:
        if asked.wait_s > 0:
            return dataclasses.replace(finished, is_held=room.widen(_builder(), asked))
        return dataclasses.replace(finished, lease=await room.claim(_builder(), asked))
    except ApiError:
        return finished


def _clean(said: Finish) -> Finish:
    """Bound what a builder says of an end; its texts are cut, its numbers must fit."""
    wire.within("epoch", said.epoch, 0, wire.INT32)
    wire.within("exit_code", said.exit_code, -wire.INT32, wire.INT32)
    wire.within("log_size", said.log_size, 0, MAX_LOG)
    wire.within("log_dropped", said.log_dropped, 0, wire.INT63)
    for name, things in (("phases", said.phases), ("results", said.results)):
        wire.within(name, len(things), 0, 10_000)
    wire.check_artefacts(said.artefacts)
    wire.check_formats(said.results)
    for phase in said.phases:
        wire.within("phases.exit_code", phase.exit_code, -wire.INT32, wire.INT32)
    if said.claim is not None:
        _check_claim(said.claim)
    _check_rest(said.log_rest)
    return dataclasses.replace(
        said,
        reason=wire.text(said.reason, MAX_REASON),
        no_base=wire.text(said.no_base, MAX_REASON),
        log_sha256=wire.text(said.log_sha256, 64),
        commit=None if said.commit is None else _clean_commit(said.commit),
    )


def _check_rest(rest: str) -> None:
    within_limit = len(rest) <= 4 * (MAX_REST // 3 + 1)
    try:
        if within_limit and len(base64.b64decode(rest, validate=True)) <= MAX_REST:
            return
    except (binascii.Error, ValueError):
        pass
    raise Invalid(f"log_rest: expected base64 of at most {MAX_REST} bytes")


def _clean_commit(facts: CommitFacts) -> CommitFacts:
    parents = [wire.text(each, 64) for each in facts.parents[: finishing.PARENTS_LIMIT]]
    title, author = wire.text(facts.title, 500), wire.text(facts.author, 200)
    return dataclasses.replace(facts, parents=parents, title=title, author=author)


async def _own(db: AsyncConnection, attempt_id: int, epoch: int | None, *, for_update: bool = False) -> sa.Row[Any]:
    """Read an attempt that must be this builder's, and open under this epoch unless that does not matter.

    Raises:
        NotFound, Forbidden, LeaseLost.
    """
    row = await (attempts.lock if for_update else attempts.get)(db, attempt_id)
    row = finishing.owned(row, attempt_id, _builder())
    if epoch is not None and (row.epoch != epoch or row.ended_at is not None):
        raise _lost(attempt_id)
    return row


async def _refusal(db: AsyncConnection, attempt_id: int) -> Exception:
    """Find out why a beat met no open attempt."""
    await _own(db, attempt_id, None)
    return _lost(attempt_id)


def _lost(attempt_id: int) -> LeaseLost:
    return LeaseLost(f"Attempt {attempt_id} has ended or has another epoch: stop everything and drop the job.")
