"""Logs by range and result files, both as strangers' bytes."""

import hashlib

import pytest
from pydantic import SecretStr

from app.settings import Settings
from app.web.api.job_files import PIECE
from builders.protocol import MAX_CHUNK
from tests.api.service import WEBHOOK_SECRET, Service, running

LOG = b"one\ntwo\nthree\n"


RANGES = [
    (None, 200, LOG, None),
    ("bytes=4-", 206, LOG[4:], "bytes 4-13/14"),
    ("bytes=0-2", 206, b"one", "bytes 0-2/14"),
    ("bytes=-6", 206, b"three\n", "bytes 8-13/14"),
    ("bytes=0-999999999999999999", 206, LOG, "bytes 0-13/14"),
    ("bytes=14-", 416, None, "bytes */14"),
    ("bytes=-0", 416, None, "bytes */14"),
    ("bytes=5-3", 200, LOG, None),
    ("bytes=0-1,3-4", 200, LOG, None),
    ("lines=1-2", 200, LOG, None),
    ("bytes=99999999999999999999999-", 200, LOG, None),
]


async def test_a_log_is_read_by_range(service: Service) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.claim()
    await builder.log(lease, LOG[:6])
    await builder.log(lease, LOG[6:], start=6)

    got = []
    for asked, *_ in RANGES:
        answer = await service.web.get(f"/jobs/{lease['job_id']}/log", headers={"Range": asked} if asked else {})
        content = answer.content if answer.is_success else None
        got.append((asked, answer.status_code, content, answer.headers.get("content-range")))
        assert answer.headers["x-content-type-options"] == "nosniff"

    assert got == RANGES


async def test_a_log_is_plain_text_whatever_it_says(service: Service) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.work(log=b"<script>alert(1)</script>\n")

    answer = await service.web.get(f"/jobs/{lease['job_id']}/log")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_line_of_50_megabytes_of_any_bytes_is_kept_exactly_and_shown_escaped(service: Service) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.claim()
    piece = (bytes(each for each in range(256) if each != 0x0A) + b"\x1b[2J\xff\xfe<script>alert(1)</script>") * 3745
    piece = piece[:MAX_CHUNK].ljust(MAX_CHUNK, b"\0")
    log = piece * 50
    for start in range(0, len(log), MAX_CHUNK):
        await builder.log(lease, piece, start=start)
    await builder.finish(lease, log=log)  # the service compares size and SHA-256

    raw = await service.web.get(f"/jobs/{lease['job_id']}/log")
    page = await service.web.get(f"{service.url}/jobs/{lease['job_id']}")

    assert hashlib.sha256(raw.content).digest() == hashlib.sha256(log).digest()
    assert (page.status_code, len(page.content) < MAX_CHUNK) == (200, True)
    shown = page.text.partition('id="log"')[2]
    assert "&lt;script&gt;alert(1)" in shown and "<script>alert" not in shown
    assert not {"\x00", "\x1b", "\x7f", "\x07"} & set(page.text)


async def test_a_full_log_store_takes_no_log_but_every_webhook(settings: Settings) -> None:
    more = {"allowed_remotes": ("https://git.example/",), "github_webhook_secrets": (SecretStr(WEBHOOK_SECRET),)}
    async with running(settings.model_copy(update={**more, "log_store_bytes": 10})) as service:
        builder = await service.builder()
        await service.dispatch()
        lease = await builder.claim()
        where = f"/attempts/{lease['attempt_id']}/log?epoch={lease['epoch']}&start=0"

        assert (await builder.http.patch(where, content=b"x" * 11)).status_code == 507
        assert await service.delivery()
        await builder.finish(lease)


async def test_a_job_without_an_attempt_has_an_empty_log(service: Service) -> None:
    await service.builder()
    opened = await service.dispatch()

    answer = await service.web.get(f"/jobs/{opened['jobs'][0]['id']}/log")

    assert (answer.status_code, answer.content) == (200, b"")


async def test_escape_sequences_are_stripped_when_asked_for(service: Service) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.claim()
    head = b"\x1b[31mred\x1b[0m \x1b]0;title\x07plain\x00\ttab \xc3\xa9\n"
    filling = b"x" * (PIECE - 2 - len(head))  # so that a sequence lies across two pieces of the answer
    log, half = head + filling + b"\x1b[1mend\n", PIECE // 2
    await builder.log(lease, log[:half])
    await builder.log(lease, log[half:], start=half)

    stripped = await service.web.get(f"/jobs/{lease['job_id']}/log?strip=1")
    verbatim = await service.web.get(f"/jobs/{lease['job_id']}/log")

    assert stripped.content == "red plain\ttab é\n".encode() + filling + b"end\n"
    assert verbatim.content == log


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"SEQ: 1\n", "text/plain; charset=utf-8"),
        (b"\xff\xfe", "application/octet-stream"),
        (b"", "text/plain; charset=utf-8"),
    ],
)
async def test_a_result_is_a_download_byte_by_byte(service: Service, data: bytes, kind: str) -> None:
    builder = await service.builder()
    await service.dispatch()
    lease = await builder.work(result=data)

    answer = await service.web.get(f"/jobs/{lease['job_id']}/result")
    none = await service.web.get(f"/jobs/{lease['job_id']}/result?number=1")

    assert (answer.content, answer.headers["content-type"]) == (data, kind)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert none.status_code == 404
