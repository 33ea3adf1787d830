"""Commands that look at pipelines, jobs, builders and repositories, and the ones that change them."""

import json

from tests.api.service import HASH, Service
from tests.cli.commands import ended, local, start


async def test_a_pipeline_and_its_jobs_are_shown_in_aligned_tables(service: Service) -> None:
    builder = await service.builder(desk=["fast", "very-slow"])
    opened = await service.dispatch()
    await builder.work("failed")

    listed = await local(service, "pipeline", "list", "--commit", HASH)
    shown = await local(service, "pipeline", "show", str(opened["id"]))
    table = shown.out.partition("JOB")[2].splitlines()

    assert listed.status == 0, listed.err
    assert HASH[:10] in listed.out and "running" in listed.out
    assert shown.status == 0  # not ended: neither good nor bad yet
    assert len({line.find("desk") for line in table[1:]}) == 1
    assert "\x1b" not in listed.out + shown.out


async def test_a_reader_exits_1_when_the_thing_asked_about_is_bad(service: Service) -> None:
    builder = await service.builder()
    opened = await service.dispatch()
    lease = await builder.work("failed")

    asked = [
        await local(service, "pipeline", "show", str(opened["id"])),
        await local(service, "job", "show", str(lease["job_id"]), "--json"),
        await local(service, "job", "show", "99999"),
    ]

    assert [each.status for each in asked] == [1, 1, 1]
    assert json.loads(asked[1].out)["state"] == "failed"
    assert "There is no job 99999." in asked[2].err


async def test_logs_and_results_come_byte_by_byte_through_a_pipe(service: Service) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.work(log=b"\x1b[31mred\x1b[0m\n", result=b"SEQ: 1\r\n")
    job = str(lease["job_id"])

    log, stripped, result, none = [
        await local(service, "job", *words)
        for words in (("log", job), ("log", "--strip", job), ("result", job), ("result", "--number", "7", job))
    ]

    assert log.out.encode() == b"\x1b[31mred\x1b[0m\n"
    assert stripped.out == "red\n"
    assert result.out.encode() == b"SEQ: 1\r\n".replace(b"\r\n", b"\n")  # click's runner reads text
    assert none.status == 1


async def test_a_log_is_followed_to_the_end_of_the_job(service: Service) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.claim()
    child = await start(service, "job", "log", "-f", str(lease["job_id"]))
    await builder.log(lease, b"one\n")
    assert child.stdout is not None
    first = await child.stdout.readline()
    await builder.log(lease, b"two\n", start=4)
    await builder.finish(lease, "failed", log=b"one\ntwo\n", reason="run: exit status 1")
    said = await ended(child)

    assert first == b"one\n"
    assert said.out == "two\n"
    assert said.status == 1
    assert "failed" in said.err and "run: exit status 1" in said.err


async def test_cancel_retry_and_delete(service: Service) -> None:
    await service.builder(desk=["fast", "slow"])
    opened = await service.dispatch()
    pipeline, job = str(opened["id"]), str(opened["jobs"][0]["id"])

    one = await local(service, "job", "cancel", job, "--reason", "typo")
    all_ = await local(service, "pipeline", "cancel", pipeline)
    again = json.loads((await local(service, "job", "retry", job, "--json")).out)
    rest = await local(service, "pipeline", "retry", pipeline)
    refused = await local(service, "pipeline", "delete", pipeline)
    await local(service, "pipeline", "cancel", pipeline)
    removed = await local(service, "job", "delete", str(again["id"]))
    deleted = await local(service, "pipeline", "delete", pipeline)

    assert one.out == f"Job {job} is cancelled.\n"
    assert "cancelled: 2 cancelled" in all_.out
    assert (again["state"], again["generation"]) == ("queued", 1)
    assert "2 queued" in rest.out
    assert (refused.status, removed.status, deleted.status) == (1, 0, 0)
    assert "Cancel it" in refused.err


async def test_builders_and_repositories(service: Service) -> None:
    await service.builder()
    said = {}
    for words in (
        ("builder", "list"),
        ("builder", "show", "shelf"),
        ("builder", "pause", "shelf"),
        ("builder", "resume", "shelf"),
        ("builder", "drain", "shelf"),
        ("builder", "rotate-token", "shelf"),
        ("builder", "delete", "shelf"),
        ("repo", "add", "github", "acme/app", "--id", "7"),
        ("repo", "list"),
        ("repo", "remove", "acme/app"),
    ):
        said[words] = await local(service, *words)
    wrong = [
        await local(service, *words)
        for words in (("repo", "remove", "acme/none"), ("builder", "show", "none"), ("replay", "1"))
    ]

    assert {words: each.err for words, each in said.items() if each.status} == {}
    assert "desk" in said["builder", "show", "shelf"].out
    assert "https://github.com/acme/app.git" in said["repo", "list"].out
    assert [each.status for each in wrong] == [1, 1, 1]


async def test_a_fork_is_approved_by_its_full_hash_only(service: Service) -> None:
    await service.builder()
    pipeline = str((await service.dispatch())["id"])

    right = await local(service, "pipeline", "approve", pipeline, "--sha", HASH)
    other = await local(service, "pipeline", "approve", pipeline, "--sha", "f" * 40)
    short = await local(service, "pipeline", "approve", pipeline, "--sha", HASH[:10])
    none = await local(service, "pipeline", "approve", pipeline)

    assert [each.status for each in (right, other, short, none)] == [0, 1, 2, 2]
    assert HASH in other.err


async def test_a_delivery_is_replayed(service: Service) -> None:
    said = await local(service, "replay", str(await service.delivery()))

    assert (said.status, "github push" in said.out) == (0, True), said.err


async def test_every_list_is_json_when_asked(service: Service) -> None:
    for words in (("pipeline", "list"), ("builder", "list"), ("repo", "list")):
        assert json.loads((await local(service, *words, "--json")).out) == {"items": []}
