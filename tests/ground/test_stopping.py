"""A process that is told to stop while it starts, or while people have lines to it: it ends in time, and traceless."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.db.session import engine
from tests.ground.processes import ROOT, SITE_PACKAGES, Rigline, wait_for
from tests.ground.test_serve import ENDLESS, place, shared  # noqa: F401  # a fixture

LATEST = 60  # seconds; requests get three of them
NARROW = 4096  # bytes that a client takes before it reads


def asked(path, times=1):
    return f"GET {path} HTTP/1.1\r\nHost: rigline\r\n\r\n".encode() * times


IDLE, HALF = asked("/healthz"), b"GET /healthz HTTP/1.1\r\nHost: rig"
UNREAD, LIVE = asked("/openapi.json", 100), asked("/events?topics=job")
LINES = {"idle": IDLE, "half a head": HALF, "half a body": ENDLESS, "nobody reads": UNREAD, "live": LIVE, "silent": b""}


@pytest.fixture
def web(settings, place):  # noqa: F811
    with Rigline(place / "data", "web", **shared(settings)) as process:
        yield process.until_ready()


@pytest.fixture
def line(web):
    with ExitStack() as opened:

        def open_line(said):
            made = opened.enter_context(socket.socket())
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
            made.connect(("127.0.0.1", web.port))
            made.sendall(said)
            return made

        yield open_line


def has_answer(made):
    return made.recv(1, socket.MSG_PEEK)


def unsent(port):
    """Say how many bytes of answers wait for whoever should read them."""
    rows = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(int(row[4].partition(":")[0], 16) for row in rows if row[1].endswith(f":{port:04X}"))


def is_stuck(port):
    before = unsent(port)
    time.sleep(0.3)
    return unsent(port) == before > 0


@pytest.mark.parametrize("kind", LINES)
def test_no_open_line_keeps_a_process_from_ending_or_leaves_a_trace_in_its_log(web, line, kind):
    made = line(LINES[kind])
    if kind == "nobody reads":
        wait_for(lambda: is_stuck(web.port))
    elif kind in ("idle", "live"):
        assert has_answer(made)
    else:
        assert has_answer(line(IDLE))  # the line before it has been taken by then

    status, words = web.tell(signal.SIGTERM).ended(LATEST)

    assert (status, "Traceback" in words, "Exception" in words) == (0, False, False), words


async def test_a_request_that_takes_too_long_is_given_up_before_what_it_works_with_is_closed(web, line, settings):
    own = engine(settings.database_url)
    async with own.connect() as db:
        await db.execute(sa.text("LOCK TABLE pipeline IN ACCESS EXCLUSIVE MODE"))
        made = line(asked("/pipelines"))
        waits = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        async with own.connect() as watching:
            while not await watching.scalar(waits):
                pass

        status, words = web.tell(signal.SIGTERM).ended(LATEST)
        made.settimeout(LATEST)
        answer = made.recv(1000)
    await own.dispose()

    assert (status, "Traceback" in words, "bug" in words) == (0, False, False), words
    assert answer == b""


CTRL_C_WHILE_LOADING = """
import os, signal, sys, weakref
class Thing: pass
class Hook:
    def find_spec(self, name, *_):
        if name == {module!r}:
            thing = Thing()
            weakref.finalize(thing, os.kill, os.getpid(), signal.SIGINT)
            del thing
sys.meta_path.insert(0, Hook())
from app.cli import main
main([{command!r}])
"""


@pytest.mark.parametrize(("command", "module"), [("web", "app.main"), ("worker", "app.tasks.worker")])
def test_a_ctrl_c_that_comes_while_the_collector_calls_back_during_the_start_is_not_lost(
    place,  # noqa: F811
    settings,
    command,
    module,
):
    code = CTRL_C_WHILE_LOADING.format(command=command, module=module)
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}", "PORT": "0"}

    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=known | shared(settings) | {"RIGLINE_DATA_DIR": str(place / "data")},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=LATEST,
        check=False,
    )

    assert (ended.returncode, "Traceback" in ended.stderr) == ({"web": 1, "worker": 0}[command], False), ended.stderr
