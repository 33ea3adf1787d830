"""`rigline serve`, `web` and `worker` as processes: start, stop, death and recovery."""

import os
import pwd
import signal
import socket
import stat
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import httpx2
import pytest

from app.db import schema
from app.db.session import arguments
from tests.crowd import crowd
from tests.ground.processes import ROOT, Rigline, pythons_for, wait_for, working_below
from tests.ground.test_migrations import empty_database

USERS = [pytest.param(None, sys.executable, id="as-we-are")]
if os.geteuid() == 0:
    USERS += [pytest.param("nobody", python, id="as-nobody") for python in pythons_for("nobody")]
ENDLESS = (  # a request that says it goes on, and does not
    b"POST /api/v1/login HTTP/1.1\r\nHost: rigline\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
)


@pytest.fixture
def place():
    """A folder for one test that a user may own: pytest's own are below one that is closed to others."""
    with tempfile.TemporaryDirectory(prefix="rigline-test-") as found:
        yield Path(found)


def machine():
    modes = {str(path): stat.S_IMODE(path.stat().st_mode) for path in (ROOT, *ROOT.parents)}
    return modes, Path("/etc/passwd").read_text(), Path("/etc/group").read_text()


def shared(settings, url=None):
    return {
        "DATABASE_URL": url or settings.database_url,
        "REDIS_URL": settings.redis_url,
        "RIGLINE_SECRET_KEY": "the same for all",
    }


@pytest.mark.parametrize(("user", "python"), USERS)
def test_one_command_runs_everything_and_ctrl_c_ends_it_cleanly(place, user, python):
    before = machine()
    if user:
        os.chown(place, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    with Rigline(place / "data", "serve", user=user, python=python) as service:
        service.until_ready()
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(place / "data/rigline.sock"))) as local:
            assert local.get("http://rigline/healthz").status_code == 200
        assert stat.S_IMODE((place / "data/rigline.sock").stat().st_mode) == 0o600
        code = place / "data/first-visit-code"
        first_visit = stat.S_IMODE(code.stat().st_mode), code.read_text().strip(), httpx2.get(service.url).headers
        wait_for(lambda: {"postgres", "valkey-server", "worker"} <= service.children().keys())

        status, words = service.tell(signal.SIGINT).ended()

    assert (status, service.url in words) == (0, True), words
    assert (first_visit[0], first_visit[1] in words, first_visit[2]["location"]) == (0o600, True, "/welcome")
    assert "Traceback" not in words
    assert working_below(place) == []
    assert not (place / "data/rigline.sock").exists()
    assert machine() == before


def test_who_may_open_the_unix_socket_is_admin_and_nobody_over_tcp(place):
    with Rigline(place / "data", "serve") as service:
        service.until_ready()
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(place / "data/rigline.sock"))) as local:
            made = local.post("http://rigline/api/v1/builders", json={"name": "shelf"})
        refused = httpx2.post(service.url + "/api/v1/builders", json={"name": "other"})
        assert service.tell().ended()[0] == 0

    assert (made.status_code, refused.status_code) == (201, 401)


def test_after_a_kill_it_starts_again_over_the_same_data(place):
    with Rigline(place / "data", "serve") as first:
        first.until_ready()
        first.process.kill()
    with Rigline(place / "data", "serve") as second:
        second.until_ready()

        status, words = second.tell(signal.SIGTERM).ended()

    assert status == 0, words
    assert working_below(place) == []


def test_servers_that_die_are_started_again(place):
    with Rigline(place / "data", "serve") as service:
        service.until_ready()
        wait_for(lambda: len(service.children()) == 3)
        before = service.children()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)

        def all_new():
            now = service.children()
            return now.keys() == before.keys() and not set(now.values()) & set(before.values())

        wait_for(all_new)
        wait_for(lambda: service.answers("/readyz"))
        assert service.tell().ended()[0] == 0


def test_two_services_over_one_data_directory_are_refused(place):
    with Rigline(place / "data", "serve") as first:
        first.until_ready()
        with Rigline(place / "data", "serve") as second:
            status, words = second.ended()
        assert first.answers()

        assert status == 2
        assert f"in use by process {first.process.pid}" in words
        assert first.tell().ended()[0] == 0


def test_a_port_in_use_is_a_plain_sentence_and_leaves_nothing_behind(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with Rigline(place / "data", "serve", PORT=str(taken.getsockname()[1])) as service:
            status, words = service.ended()

    assert status == 2
    assert "Choose another by PORT or --port" in words
    assert working_below(place) == []


def test_the_end_does_not_wait_for_a_request_that_never_ends(place):
    with Rigline(place / "data", "serve") as service:
        service.until_ready()
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(ENDLESS)
            asked = time.monotonic()

            status, words = service.tell(signal.SIGTERM).ended()

    assert status == 0, words
    assert time.monotonic() - asked < 10 * crowd()


def test_a_second_ctrl_c_forces_the_end(place):
    with Rigline(place / "data", "serve") as service:
        service.until_ready()
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(ENDLESS)
            wait_for(lambda: "worker" in service.children())
            service.tell(signal.SIGINT)
            wait_for(lambda: not service.answers())
            asked = time.monotonic()

            status, words = service.tell(signal.SIGINT).ended()

    assert status == 130, words
    assert time.monotonic() - asked < 3 * crowd()
    assert working_below(place) == []


async def test_a_shared_database_with_an_old_schema_is_refused_until_it_is_upgraded(servers, emptier, place):
    async with empty_database(emptier, servers.database_url) as url:
        for command in ("serve", "web", "worker"):
            with Rigline(place / "data", command, **shared(servers, url)) as service:
                status, words = service.ended()
            assert (status, "rigline db upgrade" in words) == (2, True), words
        with Rigline(place / "data", "db", "current", "--json", **shared(servers, url)) as command:
            assert command.ended() == (1, f'{{"current": null, "newest": "{schema.head()}", "fits": false}}\n')

        with Rigline(place / "data", "db", "upgrade", **shared(servers, url)) as command:
            assert command.ended() == (0, f"Upgraded from empty to {schema.head()}.\n")

        with Rigline(place / "data", "serve", **shared(servers, url)) as service:
            service.until_ready()
            assert service.children().keys() <= {"worker"}
            assert service.tell().ended()[0] == 0


async def test_a_schema_from_the_future_is_refused(servers, emptier, place):
    async with empty_database(emptier, servers.database_url) as url:
        await schema.upgrade(url)
        connection = await asyncpg.connect(**arguments(url))
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await connection.close()

        with Rigline(place / "data", "web", **shared(servers, url)) as service:
            status, words = service.ended()

    assert (status, "newer than this Rigline" in words) == (2, True), words


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"DATABASE_URL": "postgres://nobody:hidden@127.0.0.1:1/x"}, "The database does not answer"),
        ({"REDIS_URL": "redis://:hidden@127.0.0.1:1"}, "Redis does not answer"),
    ],
)
def test_a_server_that_does_not_answer_is_a_plain_sentence(settings, place, given, told):
    with Rigline(place / "data", "web", **{**shared(settings), **given}) as service:
        status, words = service.ended()

    assert (status, told in words) == (3, True), words
    assert "hidden" not in words
    assert "Traceback" not in words


def test_several_web_processes_share_one_database(settings, place):
    with (
        Rigline(place / "one", "web", **shared(settings)) as one,
        Rigline(place / "one", "web", **shared(settings)) as two,
    ):
        for web in (one, two):
            web.until_ready()
        assert (place / "one/rigline.sock").exists()

        assert [web.tell(signal.SIGTERM).ended()[0] for web in (one, two)] == [0, 0]


def test_doctor_says_what_is_missing_and_what_to_do(place):
    with Rigline(place / "data", "doctor") as asked:
        status, words = asked.ended()

    assert status == 1
    assert "FAIL The database does not answer" in words
    assert "try: rigline serve" in words
    assert not (place / "data").exists()


def test_doctor_is_content_with_a_running_service(place):
    with Rigline(place / "data", "serve") as service:
        service.until_ready()

        def contented():
            with Rigline(place / "data", "doctor") as asked:
                return asked.ended()[0] == 0

        wait_for(contented)
        with Rigline(place / "data", "doctor", RIGLINE_GITHUB_TOKEN="alone") as asked:
            status, words = asked.ended()
        assert (status, "set RIGLINE_GITHUB_WEBHOOK_SECRETS" in words) == (1, True), words
        assert service.tell().ended()[0] == 0
