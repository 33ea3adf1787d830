"""The log of a job: whole, in order, bounded, without secrets."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.logs import JobLog
from builders.masking import Masker
from builders.protocol import LAST_WORDS, Outcome
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService


async def test_a_log_is_seen_while_the_script_runs(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run=f"printf first; while ! test -e {lab.folder}/go; do sleep 0.02; done; echo ' second'")
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")

    await attempt.logged("\nfirst")
    (lab.folder / "go").touch()
    await attempt.ended()

    assert "first second\n" in attempt.text


async def test_bytes_of_any_kind_arrive_as_they_are(lab: Lab, service: FakeService, project: Project) -> None:
    blob = bytes(range(256)) * 20 + b"\x1b[31mred\x1b[0m" + b"x" * 3_000_000 + b"\xff\xfe"
    (lab.folder / "blob").write_bytes(blob)
    lab.board(build=f"cat {lab.folder}/blob")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert blob in attempt.log
    assert finish.log_size == len(attempt.log)
    assert max(size for _, size in attempt.appends) <= 1 << 20


async def test_a_service_that_lost_a_part_of_the_log_gets_it_again(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run=f"echo early; while ! test -e {lab.folder}/go; do sleep 0.02; done; echo late")
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("early")

    del attempt.log[10:]
    (lab.folder / "go").touch()
    finish = await attempt.ended()

    assert finish.log_size == len(attempt.log)
    assert "early\nlate\n" in attempt.text


async def test_a_log_that_did_not_arrive_whole_is_sent_again_at_the_end(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run='echo ran; echo "{}" > "$RIGLINE_RESULTS"')
    fault = service.fault("PUT .*/result$", 412)
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    assert fault.hits == 1
    assert attempt.text.count("\nran\n") == 1


async def test_a_service_without_room_for_more_log_still_gets_the_end_of_the_job(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run=f"echo begun; while ! test -e {lab.folder}/go; do sleep 0.02; done; seq 1 100000")
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    attempt.full_at = len(attempt.log) + 1000
    (lab.folder / "go").touch()
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED
    assert finish.log_size == len(attempt.log) <= attempt.full_at
    assert finish.log_dropped > 500_000


@pytest.mark.parametrize("fault", [None, 412, "lose"])
async def test_a_service_whose_log_store_is_full_keeps_the_beginning_and_the_last_words(
    lab: Lab, service: FakeService, project: Project, fault: str | int | None
) -> None:
    wait = f"while ! test -e {lab.folder}/go; do sleep 0.02; done"
    lab.board(run=f"echo begun; {wait}; seq 1 100000; echo the last line; echo '{{}}' > $RIGLINE_RESULTS")
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    attempt.has_room = False
    stored = attempt.text
    if fault:
        service.fault("PUT .*/result$", fault)
    (lab.folder / "go").touch()
    finish = await attempt.ended()

    assert (finish.outcome, attempt.results) == (Outcome.PASSED, {0: b"{}\n"})
    assert attempt.text.startswith(stored)
    assert f"[rigline] {finish.log_dropped} bytes are left out here: the service has no room for more" in attempt.text
    assert "\n100000\nthe last line\n" in attempt.text
    assert finish.log_dropped > 500_000
    assert len(attempt.log) - len(stored) <= LAST_WORDS


@pytest.fixture
def log(tmp_path: Path) -> Iterator[JobLog]:
    log = JobLog(tmp_path, cap=1000)
    yield log
    log.release()


def test_head_and_tail_are_kept_exactly(log: JobLog, tmp_path: Path) -> None:
    text = b"".join(b"%06d\n" % number for number in range(1000))

    for start in range(0, len(text), 97):
        log.write(text[start : start + 97])
    log.close()

    whole = log.read(0, 10_000)
    head, mark, tail = whole[:500], whole[500:-300], whole[-300:]
    assert len(whole) == log.size <= 1000
    assert (head, tail) == (text[:500], text[-300:])
    assert log.dropped == len(text) - 800
    assert f"{log.dropped} bytes are left out here".encode() in mark
    assert log.sha256() == hashlib.sha256(whole).hexdigest()
    assert not (tmp_path / "log.tail").exists()


@pytest.mark.parametrize("when", ["running", "over", "closed"])
def test_a_log_that_has_no_more_room_keeps_its_end_whenever_it_is_cut(log: JobLog, when: str) -> None:
    text = b"".join(b"%06d\n" % number for number in range(1000))

    log.write(text[:420])
    if when != "running":
        log.write(text[420:])
    if when == "closed":
        log.close()
    log.cut(280, 400)
    log.cut(140, 400)  # it may have less room still
    if when == "running":
        log.write(text[420:])
    log.close()
    log.write(b"too late")

    whole = log.read(0, 10_000)
    assert len(whole) == log.size <= 140 + 400
    assert whole.startswith(text[:140]) and whole.endswith(text[-200:])
    assert b"the service has no room for more" in whole
    assert 7000 - 140 - 200 <= log.dropped <= 7000 - 140 - 200 + 200


def test_a_log_below_its_cap_has_no_mark(log: JobLog) -> None:
    log.write(b"a" * 500)
    log.write(b"b" * 300)
    log.close()

    assert (log.read(0, 2000), log.dropped) == (b"a" * 500 + b"b" * 300, 0)


def test_a_chunk_larger_than_the_whole_tail_keeps_its_end(log: JobLog) -> None:
    text = os.urandom(5000)

    log.write(text)
    log.close()

    assert log.read(0, 2000).endswith(text[-300:])
    assert log.dropped == 4200


SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"x-access-token:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"ab{SECRET}".encode()).decode(),
    ],
)
def test_a_secret_is_masked_wherever_it_is_cut(written: str) -> None:
    for cut in range(1, len(written)):
        masker = Masker([SECRET])
        text = f"before {written} after".encode()
        place = len("before ") + cut

        masked = masker.feed(text[:place]) + masker.feed(text[place:]) + masker.flush()

        assert b"[masked]" in masked
        assert SECRET.encode() not in masked
        assert masked.startswith(b"before ") and masked.endswith(b" after")
        core = base64.b64encode(SECRET.encode()).rstrip(b"=")[4:-4]
        assert core not in masked


def test_every_line_of_a_long_secret_is_masked() -> None:
    masker = Masker(["-----BEGIN KEY-----\nabcdefghijkl\nmnopqrstuvwx\n"])

    masked = masker.feed(b"  mnopqrstuvwx\n") + masker.flush()

    assert masked == b"  [masked]\n"


def test_a_long_secret_in_wrapped_base64_is_masked_line_by_line() -> None:
    secret = "".join(f"line {number} of a private key\n" for number in range(20))
    for width in (76, 64):
        whole = base64.b64encode(f"{secret}and more".encode()).decode()
        lines = [whole[at : at + width] for at in range(0, len(whole), width)]

        masked = Masker([secret]).feed("\n".join(lines).encode()).splitlines()

        assert masked[: len(lines) - 2] == [b"[masked]"] * (len(lines) - 2)


def test_output_that_is_no_secret_is_not_held_back() -> None:
    masker = Masker([SECRET])

    assert masker.feed(b"ready\n") == b"ready\n"
    assert masker.feed(b"corre") == b""
    assert masker.feed(b"ction\n") == b"correction\n"


def test_short_words_are_not_masked() -> None:
    assert Masker(["abc"]).feed(b"abcabc") == b"abcabc"


async def test_secrets_that_scripts_may_see_are_masked_in_the_log(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run='echo "one $BOARD_PASSWORD"; printf pass; sleep 0.3; printf word-1234; echo; echo "$PLAIN"')
    text = (lab.folder / "builder.toml").read_text()
    head = 'state_dir = "state"\nenvironment = ["BOARD_PASSWORD", "PLAIN"]'
    (lab.folder / "builder.toml").write_text(text.replace('state_dir = "state"', head))
    await lab.connect(BOARD_PASSWORD="password-1234", PLAIN="password is not")

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    assert "password-1234" not in attempt.text
    assert "one [masked]\n[masked]\npassword is not\n" in attempt.text
    assert "[rigline] 26 bytes of secrets are masked, in 2 places\n" in attempt.text
