"""Who a builder is, what it may offer, and what every malformed request is told."""

import hashlib
import json

import pytest
import sqlalchemy as sa

from app.db.models import BuilderState
from app.db.queries import boards, builders
from app.db.queries.boards import Target
from app.db.tables import board, builder, configuration
from builders import protocol
from builders.json_values import from_json, to_json
from tests.dispatch.world import FakeBuilder, World, offer


async def test_only_the_hash_of_a_token_is_kept(world: World) -> None:
    lab = await world.builder()
    secret = lab.token.partition(".")[2]

    async with world.deps.begin() as db:
        kept = (await db.execute(sa.select(builder))).one()

    assert kept.token_hash == hashlib.sha256(secret.encode()).digest()
    assert secret not in str(kept)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Bearer",
        "Bearer rlb_",
        "Bearer rlb_1",
        "Bearer rlb_1.",
        "Basic x",
        "Bearer rlb_x.y",
        "Bearer rlb_99999999999.x",
    ],
)
async def test_a_malformed_token_is_refused(world: World, wrong: str) -> None:
    lab = await world.builder()

    answer = await lab.http.post("builders/me/claim", headers={"Authorization": wrong}, json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


async def test_a_wrong_or_revoked_token_is_refused(world: World) -> None:
    lab = await world.builder()
    other = await world.builder("other", offer("pi"))
    mixed = f"rlb_{lab.id}.{other.token.partition('.')[2]}"

    wrong = await lab.http.post("builders/me/claim", headers={"Authorization": f"Bearer {mixed}"}, json={})
    async with world.deps.begin() as db:
        await builders.rotate(db, lab.id, actor="me")
        await builders.set_state(db, other.id, BuilderState.RETIRED, actor="me")
    world.app.extensions["known_builders"].clear()  # as two seconds later
    rotated, retired = await lab.ask(), await other.ask()

    assert [each.status_code for each in (wrong, rotated, retired)] == [401, 401, 401]


async def test_another_protocol_is_refused_before_the_body_is_read(world: World) -> None:
    lab = await world.builder()

    for spoken in ("0", "2", "", "x"):
        answer = await lab.http.post("builders/me/claim", headers={"Rigline-Protocol": spoken}, content=b"{")
        assert (answer.status_code, answer.json()["error"]["code"]) == (426, "protocol_unknown")


async def test_another_builders_attempt_is_forbidden_and_an_unknown_one_not_found(world: World) -> None:
    lab, other = await world.builder(), await world.builder("other", offer("pi"))
    lease = await world.running(lab)

    async def asked(of: FakeBuilder, attempt: protocol.Lease) -> list[int]:
        answers = [await of.beat(attempt), await of.finish(attempt), await of.wait(attempt)]
        answers += [await of.log(attempt, 0, b"x"), await of.result(attempt, 0, b"x")]
        return [each.status_code for each in answers]

    nowhere = from_json(protocol.Lease, {**to_json(lease), "attempt_id": 999_999})
    forbidden, unknown = await asked(other, lease), await asked(lab, nowhere)

    assert (forbidden, unknown) == ([403] * 5, [404] * 5)
    assert await world.states(lease.job_id) == ["running"]


async def test_two_agents_under_one_name_are_told_apart(world: World) -> None:
    lab = await world.builder()
    second = FakeBuilder("lab", lab.id, lab.token, lab.http, lab.boards, "another machine")

    refused, claim = await second.hello([offer("nucleo")]), await second.ask()
    again = await lab.hello([offer("nucleo")])
    await world.execute(sa.update(builder).values(seen_at=sa.text("now() - interval '46s'")))
    taken_over = await second.hello([offer("nucleo")])
    first = await lab.ask()

    assert [each.status_code for each in (refused, claim, again, taken_over, first)] == [409, 409, 200, 200, 409]
    assert refused.json()["error"]["code"] == "builder_in_use"


async def test_an_agent_that_was_refused_does_not_keep_the_name_in_use(world: World) -> None:
    lab = await world.builder()
    second = FakeBuilder("lab", lab.id, lab.token, lab.http, lab.boards, "another machine")
    await world.execute(sa.update(builder).values(seen_at=sa.text("now() - interval '30s'")))
    world.app.extensions["known_builders"].clear()

    await second.hello([offer("nucleo")])
    await second.ask()

    async with world.deps.begin() as db:
        age = await db.scalar(sa.select(sa.extract("epoch", sa.func.now() - builder.c.seen_at)))
    assert age >= 30


async def test_what_a_builder_no_longer_names_keeps_its_identity_but_gets_no_jobs(world: World) -> None:
    lab = await world.builder("lab", offer("one", "fast", "slow", type="nucleo"), offer("two", type="nucleo"))
    async with world.deps.begin() as db:
        before = {row.name: row.id for row in await db.execute(sa.select(board))}

    await lab.hello([offer("two", type="nucleo")])
    async with world.deps.begin() as db:
        fewer = await boards.targets_offered(db)
        offered = {row.name: row.offered for row in await db.execute(sa.select(board))}
    await lab.hello([offer("one", "fast", "slow", type="nucleo"), offer("two", type="nucleo")])
    async with world.deps.begin() as db:
        after = {row.name: row.id for row in await db.execute(sa.select(board))}
        all_again = await boards.targets_offered(db)
        count = await db.scalar(sa.select(sa.func.count()).select_from(configuration))

    assert (before, offered) == (after, {"one": False, "two": True})
    assert fewer == [Target("nucleo", "fast")]
    assert all_again == [Target("nucleo", "fast"), Target("nucleo", "slow")]
    assert count == 3


HELLO = {"instance": "i", "version": "1", "boards": []}
BOARD = {"name": "nucleo", "type": "nucleo", "configurations": [{"name": "fast"}]}


@pytest.mark.parametrize(
    "bad",
    [
        {**HELLO, "surplus": 1},
        {**HELLO, "instance": 5},
        {**HELLO, "instance": ""},
        {**HELLO, "instance": "x" * 101},
        {"version": "1"},
        {**HELLO, "boards": [{**BOARD, "name": "a\x00b"}]},
        {**HELLO, "boards": [{**BOARD, "name": "a\nb"}]},
        {**HELLO, "boards": [{**BOARD, "name": " "}]},
        {**HELLO, "boards": [{**BOARD, "type": "x" * 101}]},
        {**HELLO, "boards": [BOARD, BOARD]},
        {**HELLO, "boards": [{**BOARD, "surplus": 1}]},
        {**HELLO, "boards": [{**BOARD, "tags": ["a\x1b"]}]},
        {**HELLO, "boards": [{**BOARD, "configurations": [{"name": "fast"}, {"name": "fast"}]}]},
        {**HELLO, "boards": [{**BOARD, "configurations": [{"name": "fast", "limit_s": -1}]}]},
        {**HELLO, "boards": [{**BOARD, "name": f"b{n}"} for n in range(300)]},
        {**HELLO, "facts": {f"f{n}": "" for n in range(60)}},
        {**HELLO, "facts": {"os": "a\x00"}},
        [],
        None,
    ],
)
async def test_a_malformed_hello_is_refused_with_a_clear_text(world: World, bad: object) -> None:
    lab = await world.builder()

    answer = await lab.http.put("builders/me", content=json.dumps(bad).encode())

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid"), answer.text
    assert len(answer.json()["error"]["message"]) > 5


@pytest.mark.parametrize(
    "bad",
    [
        {"claim_id": "no uuid"},
        {"boards_free": "nucleo"},
        {"boards_free": ["x"] * 300},
        {"boards_free": ["a\x00"]},
        {"wait_s": -1},
        {"wait_s": 1e9},
        {"disk_free": -1},
        {"disk_free": 1 << 70},
        {"surplus": 1},
        {"instance": None},
    ],
)
async def test_a_malformed_claim_is_refused(world: World, bad: dict[str, object]) -> None:
    lab = await world.builder()

    answer = await lab.ask(**bad)

    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"nonsense", b'{"epoch": NaN}', b'{"epoch": 1e400}'])
async def test_what_is_not_json_is_refused(world: World, raw: bytes) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    answers = [
        await lab.http.post(f"attempts/{lease.attempt_id}/beat", content=raw),
        await lab.http.put(f"attempts/{lease.attempt_id}/result", content=raw),
        await lab.http.put("builders/me", content=raw),
    ]

    assert [each.status_code for each in answers] == [422] * 3


@pytest.mark.parametrize(
    "bad",
    [
        {"outcome": "great"},
        {"epoch": 1 << 40},
        {"epoch": True},
        {"exit_code": 1 << 40},
        {"log_size": -1},
        {"log_dropped": 1 << 70},
        {"results": [{"number": 0}]},
        {"surplus": 1},
    ],
)
async def test_a_malformed_finish_is_refused(world: World, bad: dict[str, object]) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    answer = await lab.finish(lease, **bad)

    assert answer.status_code == 422, answer.text
    assert await world.states(lease.job_id) == ["running"]


@pytest.mark.parametrize("query", ["", "epoch=1", "epoch=x&start=0", "epoch=1&start=-1", f"epoch=1&start={1 << 70}"])
async def test_a_malformed_append_is_refused(world: World, query: str) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    answer = await lab.http.patch(f"attempts/{lease.attempt_id}/log?{query}", content=b"x")

    assert answer.status_code == 422, answer.text


async def test_texts_of_a_finish_are_cut_and_cleaned(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    answer = await lab.finish(lease, "failed", reason="bad\x00\x1b[31m" + "x" * 5000)
    repeat = await lab.finish(lease, "failed", reason="bad\x00\x1b[31m" + "x" * 5000)

    assert (answer.status_code, repeat.status_code) == (200, 200)
    reason = (await world.job(lease.job_id)).reason
    assert reason.startswith("bad\ufffd\ufffd[31m") and len(reason) == protocol.MAX_REASON


async def test_a_body_over_the_limit_is_refused(world: World) -> None:
    lab = await world.builder()

    answer = await lab.http.put("builders/me", content=b" " * ((1 << 20) + 1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_odd_names_of_boards_make_no_odd_queues(world: World) -> None:
    name = 'Größe, 100% / "A":b'
    lab = await world.builder("lab", offer(name))
    job_id = await world.queued(board_type=name)

    lease = await lab.claim()

    assert lease is not None and (lease.job_id, lease.board) == (job_id, name)
    assert (await lab.finish(lease)).status_code == 200


async def test_no_configuration_asks_for_more_than_a_day(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", limit_s=10 * protocol.MAX_JOB_S))

    lease = await world.running(lab)

    assert lease.limit_s == protocol.MAX_JOB_S


async def test_the_last_lines_of_a_silent_script_are_kept_whole(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    lines = [f"{number:02} " + "x" * 177 for number in range(20)]
    reason = "\n".join(["limit: no output of run for 600 s; the last lines were", *lines])

    assert (await lab.finish(lease, "timed_out", reason=reason)).status_code == 200

    page = await world.page(f"/jobs/{lease.job_id}")
    assert all(line in page for line in lines)
