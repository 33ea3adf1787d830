"""A log on its job's page: lines with numbers and times, searched as a whole, from error to error. Without scripts."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.db import tables
from app.web import log_search
from app.web.log_errors import is_error
from app.web.pages import job_log

ERRORS = """\
main.c:3:5: error: expected ';'
error[E0308]: mismatched types
fatal: not a git repository
panic: runtime error
Traceback (most recent call last):
ValueError: no
E   assert 1 == 2
FAILED tests/test_x.py::test_a - assert 1 == 2
make: *** [Makefile:3: all] Error 2
make: *** No rule to make target 'x'.  Stop.
ninja: build stopped: subcommand failed.
[FAIL] check 116: expected 61, got 58
--- FAIL: TestX (0.00s)
not ok 3 - boots
thread 'main' panicked at src/main.rs:3
[rigline] run: exit code 2
[rigline] fetch failed: no
3 of 118 checks failed
2 failed, 3 passed in 1 s
npm ERR! code 1
Segmentation fault (core dumped)
/bin/sh: foo: command not found
main.c:(.text+0x9): undefined reference to `x'
cat: x: No such file or directory
2026-01-01 12:00:00 ERROR something
java.lang.NullPointerException
  FAIL  src/a.test.js
a.out: a.c:3: main: Assertion `x' failed.
Process completed with exit code 1
collect2: error: ld returned 1 exit status
"""
FINE = """\
0 errors, 0 warnings
0 failed
gcc -Werror -o x
no error
errors: 0
compiling error.c
[ OK ] check 3
error_handler.o
exit code 0
test result: ok. 12 passed; 0 failed
Errors: 0
failed: 0
lib/failover.c
error: 0
CC  src/exception.o
failures: 0
[rigline] build: done in 1.2 s
loading trace viewer
100 % tests passed, 0 tests failed out of 12
error rate 0.1
"""


@pytest.mark.parametrize("line", ERRORS.splitlines())
def test_what_tools_say_of_an_error_is_found(line):
    assert is_error(line)


@pytest.mark.parametrize("line", FINE.splitlines())
def test_what_only_speaks_of_errors_is_none(line):
    assert not is_error(line)


@pytest.mark.parametrize(
    "part", ["error", "***", "*** [", "assertion ", "1 1 1 ", "a.", "fatal ", "[ ", "exit code ", "failed", " ", "E  "]
)
def test_no_line_takes_long_to_be_judged(part):
    line = (part * 100_000)[:100_000] + "err"
    started = time.process_time()
    for _ in range(20):
        is_error(line)

    assert time.process_time() - started < 0.5


async def ended(site, data, *, outcome="failed"):
    job = await site.job(await site.pipeline(await site.repository()), outcome)
    attempt = await site.attempt(job, outcome)
    for start in range(0, len(data), 100_000):
        await site.log(attempt, job, data[start : start + 100_000])
    return job, attempt


def shown(html):
    """The numbers of the lines on a page."""
    return [int(each) for each in re.findall(r'class="line[^"]*" id="L([0-9]+)"', html)]


def hits(html):
    return re.findall(r'<li><a href="([^"]*)"><span class="quiet">([0-9]+)</span> <bdi>(.*?)</bdi>', html)


LONG = b"".join(b"line %d of a long log\n" % number for number in range(1, 8_001))


async def test_a_page_holds_the_end_of_a_long_log_and_leads_to_its_other_parts(site):
    job, _ = await ended(site, LONG)

    end = await site.get(f"/jobs/{job}")
    earlier = await site.get(f"/jobs/{job}" + re.search(r'href="(\?before=[0-9]+)', end)[1])
    middle = await site.get(f"/jobs/{job}?line=4000")

    assert shown(end)[-1] == 8_000 and len(shown(end)) == job_log.MOST_LINES
    assert f"{shown(end)[0]}</span>" not in end and f">line {shown(end)[0]} of" in end
    assert shown(earlier)[-1] == shown(end)[0] - 1
    assert shown(middle)[0] == 4_000 - job_log.CONTEXT and 'id="L4000"' in middle
    assert f"line={shown(middle)[-1] + 1}#L" in middle
    assert all(len(each) < 1_000_000 for each in (end, middle))


async def test_a_line_behind_the_end_shows_the_end_and_nonsense_shows_the_usual(site):
    job, _ = await ended(site, b"one\ntwo\nthree")

    for query in ("?line=999", "?line=0", "?line=x", "?before=99999999999999999", "?q=&errors="):
        assert shown(await site.get(f"/jobs/{job}{query}")) == [1, 2, 3]
    await site.get(f"/jobs/{job}?attempt=999999", 404)


async def test_a_search_goes_through_the_whole_log_whatever_the_case_and_the_colours(site):
    job, _ = await ended(site, LONG + b"\x1b[1mNee\x1b[31mdle\x1b[0m <b>& co\n" + LONG)

    found = await site.get(f"/jobs/{job}?q=needle+%3CB%3E")
    none = await site.get(f"/jobs/{job}?q=haystack")
    many = await site.json(f"/jobs/{job}.json?q=long")

    assert hits(found) == [("?q=needle%20%3CB%3E&line=8001#L8001", "8001", "Needle &lt;b&gt;&amp; co")]
    assert "No line of 16001 says" in none
    assert len(many["found"]["hits"]) == log_search.MOST and not many["found"]["is_all"]
    told = (await site.http.get(f"/api/v1/jobs/{job}/log/lines", params={"text": "NEEDLE"})).json()
    assert told == {"hits": [{"line": 8001, "text": "Needle <b>& co"}], "is_all": True, "lines": 16001}


async def test_from_error_to_error_and_all_of_them(site):
    job, _ = await ended(site, LONG + b"x.c:1: error: no\n" + LONG[:100_000] + b"\nFAILED test_b\n" + b"ok\n" * 9)

    every = hits(await site.get(f"/jobs/{job}?errors=1"))
    first = await site.http.get(f"/jobs/{job}/error?after=0")
    second = await site.http.get(f"/jobs/{job}/error?after=8001")
    none = await site.http.get(f"/jobs/{job}/error?after={every[1][1]}", follow_redirects=True)

    assert [each[2] for each in every] == ["x.c:1: error: no", "FAILED test_b"]
    assert first.headers["location"] == f"/jobs/{job}?line=8001#L8001"
    assert second.headers["location"].endswith(f"line={every[1][1]}#L{every[1][1]}")
    assert "No further line" in none.text
    assert 'class="line error" id="L8001"' in await site.get(first.headers["location"])


async def test_each_line_says_when_it_came_and_an_old_log_says_nothing(site):
    job, attempt = await ended(site, b"one\ntwo ")
    await site.log(attempt, job, b"words\nthree\n")
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    async with site.deps.begin() as db:
        mine = sa.update(tables.log_chunk).where(tables.log_chunk.c.attempt_id == attempt)
        await db.execute(mine.where(tables.log_chunk.c.start == 0).values(arrived_at=at))
        later = {"arrived_at": at + timedelta(seconds=7), "lines": None}  # stored before lines were counted
        await db.execute(mine.where(tables.log_chunk.c.start > 0).values(**later))

    timed = re.findall(r'data-time="([0-9:]+)"', await site.get(f"/jobs/{job}?times=1"))
    async with site.deps.begin() as db:
        await db.execute(mine.values(arrived_at=None))
    untimed = await site.get(f"/jobs/{job}?times=1")

    assert timed == ["12:00:00", "12:00:00", "12:00:07"]
    assert "data-time" not in untimed and shown(untimed) == [1, 2, 3]


async def test_the_lines_of_each_phase_are_folded_together(site):
    log = (
        b"[rigline] remote x\n[rigline] build: make\ncc x.c\n[rigline] build: done in 3.00 s\n[rigline] run: ./x\nran\n"
    )
    job, _ = await ended(site, log)

    html = await site.get(f"/jobs/{job}")

    assert re.findall(r'data-phase="(\w+)"><summary>', html) == ["build", "run"]
    assert html.index('id="L1"') < html.index('data-phase="build"') < html.index('id="L2"')


async def test_the_log_of_an_earlier_attempt_is_read_on_the_same_page(site):
    job = await site.job(await site.pipeline(await site.repository()), "passed", epoch=2)
    lost = await site.attempt(job, "errored")
    await site.log(lost, job, b"lost with its board\n")
    await site.log(await site.attempt(job, "passed", epoch=2), job, b"anew\n")

    html = await site.get(f"/jobs/{job}?attempt={lost}")

    assert "lost with its board" in html and "anew\n" not in html
    assert f"/api/v1/jobs/{job}/log?attempt={lost}" in html
    assert f"attempt={lost}&amp;line=1#L1" in html or f"attempt={lost}&line=1#L1" in html


async def test_nine_megabytes_on_one_line_harm_nobody(site):
    job, _ = await ended(site, b"x" * (9 << 20))

    page = await site.get(f"/jobs/{job}?line=1&q=xxx")

    assert len(page) < 300_000 and "1 of 1 lines" in page


async def test_a_text_that_lies_across_two_pieces_is_found(site, monkeypatch):
    monkeypatch.setattr(log_search, "PIECE", 7)
    job, _ = await ended(site, b"a needle b\n" * 5)

    assert [each[1] for each in hits(await site.get(f"/jobs/{job}?q=needle"))] == ["1", "2", "3", "4", "5"]
