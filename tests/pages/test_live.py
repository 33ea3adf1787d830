"""A log while it grows, and hints that a page is out of date."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from app.db.queries import logs
from app.web import sse
from tests.pages.listening import PATIENCE, listening
from tests.pages.site import Site


@pytest.fixture
async def running_job(site: Site) -> AsyncIterator[tuple[int, int]]:
    """Give a job that runs, and its attempt."""
    job = await site.job(await site.pipeline(await site.repository()), "running")
    yield job, await site.attempt(job)


def stream(site: Site, job: int) -> str:
    return f"{site.url}/api/v1/jobs/{job}/log/stream"


async def test_a_log_is_followed_while_it_grows_and_ends_with_the_state(site, running_job):
    job, attempt = running_job
    await site.log(attempt, job, b"one\n")

    async with listening(stream(site, job)) as line:
        first = await line.next()
        await site.log(attempt, job, b"two\rthree\n")
        second = await line.next()
        await site.end(job, attempt, "failed")
        end = await line.next()
        after = await line.next()

    assert (first.kind, first.text, first.id) == ("log", "one\n", f"{attempt}:4")
    assert (second.text, second.id) == ("two\rthree\n", f"{attempt}:14")
    assert (end.kind, end.data, after) == ("end", "failed", None)


async def test_a_reader_that_comes_back_goes_on_where_it_was(site, running_job):
    job, attempt = running_job
    await site.log(attempt, job, b"seen already, not yet\n")
    await site.end(job, attempt, "passed")

    async with listening(stream(site, job), **{"Last-Event-ID": f"{attempt}:13"}) as line:
        by_header = await line.rest()
    async with listening(f"{stream(site, job)}?at={attempt}:13") as line:
        by_query = await line.rest()

    assert [event.kind for event in by_header] == ["log", "end"]
    assert by_header[0].text == " not yet\n" == by_query[0].text


async def test_a_reader_hears_the_end_of_the_line_when_the_database_goes_away_and_may_come_back(site, running_job):
    job, attempt = running_job
    await site.log(attempt, job, b"one\n")
    waits = sse.sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    async with listening(stream(site, job)) as line:
        await line.next()
        async with site.deps.begin() as held, site.deps.autocommit() as db:
            await held.execute(sse.sa.text("LOCK TABLE job IN ACCESS EXCLUSIVE MODE"))
            await site.deps.notices.publish("log", attempt=attempt, job=job, size=4)
            async with asyncio.timeout(PATIENCE):
                while not (await db.execute(waits)).all():
                    await asyncio.sleep(0.01)
        after = await line.next()
    await site.end(job, attempt, "passed")
    async with listening(stream(site, job), **{"Last-Event-ID": f"{attempt}:4"}) as line:
        again = await line.rest()

    assert (after, [event.kind for event in again]) == (None, ["end"])


async def test_a_new_attempt_starts_the_log_over_and_says_so(site, running_job):
    job, attempt = running_job
    await site.log(attempt, job, b"lost with its board")

    async with listening(stream(site, job)) as line:
        await line.next()
        await site.update("attempt", attempt, outcome="errored", ended_at=sse.sa.func.now())
        again = await site.attempt(job, epoch=2)
        await site.log(again, job, b"anew")
        turned, new = await line.next(), await line.next()

    assert (turned.kind, turned.data, turned.id) == ("attempt", "2", f"{again}:0")
    assert (new.text, new.id) == ("anew", f"{again}:4")


async def test_a_character_cut_in_two_is_sent_whole_and_bytes_that_are_no_text_as_such(site, running_job):
    job, attempt = running_job
    euro = "€".encode()
    await site.log(attempt, job, b"5 " + euro[:2])

    async with listening(stream(site, job)) as line:
        first = await line.next()
        await site.log(attempt, job, euro[2:] + b" \xff \x1b[31m")
        second = await line.next()
        await site.log(attempt, job, euro[:1])
        await site.end(job, attempt, "passed")
        rest = await line.rest()

    assert (first.text, first.id) == ("5 ", f"{attempt}:2")
    assert second.text == "€ \ufffd \x1b[31m"
    assert rest[-2].text == "\ufffd"


async def test_a_large_log_comes_in_pieces_without_a_gap(site, running_job):
    job, attempt = running_job
    data = "".join(f"Zeile {number} äöü\n" for number in range(30_000)).encode()
    for start in range(0, len(data), 200_001):
        await site.log(attempt, job, data[start : start + 200_001])
    await site.end(job, attempt, "passed")

    async with listening(stream(site, job)) as line:
        heard = await line.rest()

    assert "".join(event.text for event in heard[:-1]).encode() == data
    assert all(len(event.text.encode()) <= sse.PIECE for event in heard[:-1])


async def test_an_unknown_job_has_no_stream(site):
    answer = await site.http.get("/api/v1/jobs/999/log/stream")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_log_goes_on_although_every_notice_was_lost(site, running_job, monkeypatch):
    monkeypatch.setattr(sse, "LOOK_S", 0.05)
    job, attempt = running_job

    async with listening(stream(site, job)) as line:
        async with site.deps.begin() as db:
            await logs.append(db, attempt, 0, 0, b"silently")
        event = await line.next()

    assert event.text == "silently"


async def test_a_silent_line_is_kept_alive(site, running_job, monkeypatch):
    monkeypatch.setattr(sse, "LOOK_S", 0.02)
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.04)
    job, _ = running_job

    for url in (stream(site, job), f"{site.url}/events"):
        async with listening(url) as line:
            await line.opened()


async def test_a_page_hears_of_the_pipeline_it_shows_and_of_no_other(site):
    async with listening(f"{site.url}/events?topics=job+pipeline&pipeline=7") as line:
        await site.deps.notices.publish("job", pipeline=8, job=1, state="running")
        await site.deps.notices.publish("builder", builder=1)
        await site.deps.notices.publish("pipeline", pipeline=7)
        first = await line.next()
        await site.deps.notices.publish("job", pipeline=7, job=2, state="passed")
        second = await line.next()

    assert (first.kind, first.data, second.data) == ("changed", '{"topics": ["pipeline"]}', '{"topics": ["job"]}')


async def test_a_stream_ends_when_the_process_is_told_to_stop(site, running_job):
    job, _ = running_job

    async with listening(stream(site, job)) as log, listening(f"{site.url}/events") as hints:
        site.stop.set()
        assert [await log.next(), await hints.next()] == [None, None]


async def test_a_reader_that_does_not_read_is_dropped(site, running_job, monkeypatch):
    monkeypatch.setattr(sse, "SEND_LIMIT_S", 0.2)
    job, attempt = running_job
    size = 0
    for _ in range(12):
        await site.log(attempt, job, b"x" * (1 << 20))
    at, gone = urlsplit(site.url), asyncio.Event()
    was = sse._drop
    monkeypatch.setattr(sse, "_drop", lambda task: (was(task), gone.set()))

    with contextlib.closing(socket.socket()) as stuck:
        stuck.connect((at.hostname, at.port))
        stuck.setblocking(False)
        stuck.sendall(f"GET /api/v1/jobs/{job}/log/stream HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
            while part := await asyncio.get_running_loop().sock_recv(stuck, 1 << 20):
                size += len(part)

    assert 0 < size < 12 << 20
