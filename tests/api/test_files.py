"""Logs by range and result files, both as strangers' bytes."""

import pytest

from app.web.api.job_files import PIECE
from tests.api.service import Service

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
