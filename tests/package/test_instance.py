"""An installed service: one folder with all that it needs, started in the background, removed without a trace."""

import os
import signal
import socket
import stat
from pathlib import Path

import httpx2
import pytest

from tests.ground.processes import wait_for, working_below
from tests.package.instances import OF_TESTS, Instance, folder

pytestmark = pytest.mark.xdist_group("instances")


@pytest.fixture
def place():
    with folder() as found:
        yield found


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_an_instance_is_installed_started_looked_at_stopped_and_removed(place):
    one = Instance(place / "one")
    installed = one.install()
    assert installed.returncode == 0, installed.stderr
    assert "- make a self-signed certificate" in installed.stderr
    assert one.status()["exit"] == 3

    started = one.rigline("start", PORT="1", RIGLINE_DATA_DIR="/nowhere", DATABASE_URL="postgres://other/one")

    assert started.returncode == 0, started.stderr + one.log()
    steps = [line.removeprefix("- ") for line in started.stderr.splitlines()]
    assert steps == [
        "PostgreSQL is ready",
        "Valkey is ready",
        "the schema is the newest",
        "web answers",
        "worker takes tasks",
    ]
    said = one.status()
    assert (said["exit"], said["state"], said["well"]) == (0, "running", True), said
    assert said["urls"][0] in started.stdout
    assert said["certificate"]["self_signed"] is True
    assert "It runs already" in one.must("start")

    answers_by_https_and_leads_plain_http_there(one, said)
    starts_again_when_it_dies(one)

    assert "Stopped" in one.must("stop")
    assert one.status()["exit"] == 3
    assert "It does not run" in one.must("stop")
    assert one.rigline("uninstall").returncode == 1  # it asks, and nobody says yes
    (one.prefix / "etc/own-notes").write_text("mine")
    gone = one.rigline("uninstall", "--yes")
    assert (gone.returncode, "own-notes" in gone.stdout or "etc" in gone.stdout) == (0, True), gone.stderr
    assert one.files() == ["etc/own-notes"]
    assert working_below(one.prefix) == []


def answers_by_https_and_leads_plain_http_there(one, said):
    answer = one.get("/readyz", at=1)
    assert (answer.status_code, answer.headers.get("strict-transport-security")) == (200, None)
    plain = f"http://127.0.0.1:{said['ports']['RIGLINE_REDIRECT_PORT']}/jobs/1?x=y"
    led = httpx2.get(plain, headers={"Host": "evil.example"}, trust_env=False)
    assert (led.status_code, led.headers["location"]) == (308, f"{said['urls'][0]}/jobs/1?x=y")
    assert httpx2.post(plain, content="secret", trust_env=False).status_code == 403


def starts_again_when_it_dies(one):
    service = next(int(pid) for pid in working_below(one.prefix) if "serve" in words_of(pid))
    os.kill(service, signal.SIGKILL)
    wait_for(lambda: one.status()["restarts"] == 1 and one.status()["state"] == "running")
    assert "starting it again" in one.log()
    assert one.must("builder", "list") is not None


def words_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def test_secrets_are_private_and_edited_settings_survive_an_update(place):
    one = Instance(place / "one")
    one.install()
    settings = one.prefix / "etc/rigline.env"
    assert (mode(settings), mode(one.prefix / "data"), mode(one.prefix / "etc/ssl/key.pem")) == (0o600, 0o700, 0o600)
    key = next(line for line in settings.read_text().splitlines() if line.startswith("RIGLINE_SECRET_KEY="))
    assert len(key) > 50
    settings.write_text(settings.read_text() + "RIGLINE_WORKERS=2\n")
    before, ports = settings.read_text(), (one.prefix / "etc/ports").read_text()

    again = one.install()

    assert (again.returncode, "is up to date" in again.stdout) == (0, True), again.stderr
    assert (settings.read_text(), (one.prefix / "etc/ports").read_text()) == (before, ports)


def test_two_instances_get_ports_of_their_own_also_while_neither_runs(place):
    one, two = Instance(place / "one"), Instance(place / "two")
    for each in (one, two):
        assert each.install("--tls", "off").returncode == 0

    assert one.status()["ports"] != two.status()["ports"]


def test_a_port_that_another_program_took_is_named_and_another_is_found(place):
    one = Instance(place / "one")
    one.install("--tls", "off")
    port = one.status()["ports"]["PORT"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused, shown = one.rigline("start"), one.rigline("ports", "show")
        found = one.must("ports", "force")

    assert (refused.returncode, f"Port {port}" in refused.stderr) == (1, True)
    assert (shown.returncode, "taken" in shown.stdout) == (1, True)
    assert f"(was {port})" in found
    assert one.status()["urls"] == [f"http://127.0.0.1:{one.status()['ports']['PORT']}"]


def test_a_wrong_setting_is_a_sentence_and_nothing_is_left_running(place):
    one = Instance(place / "one")
    one.install("--tls", "off")
    settings = one.prefix / "etc/rigline.env"
    settings.write_text(settings.read_text() + "RIGLINE_QUEUE_LIMIT_S=soon\n")

    refused = one.rigline("start")

    assert (refused.returncode, "RIGLINE_QUEUE_LIMIT_S" in refused.stderr) == (1, True), refused.stderr
    assert working_below(one.prefix) == []
    settings.write_text("nonsense\n")
    assert "rigline.env, line 1" in one.rigline("start").stderr


def test_a_stale_number_in_the_lock_misleads_nobody(place):
    one = Instance(place / "one")
    one.install("--tls", "off")
    (one.prefix / "tmp/keeper.lock").write_text(f"{os.getpid()}\n")
    (one.prefix / "tmp/state.json").write_text(f'{{"state": "running", "keeper": {os.getpid()}}}')

    assert one.status()["exit"] == 3
    assert "It does not run" in one.must("stop")


@pytest.mark.parametrize("words", [("--from", "/etc"), ("--venv", "/etc"), ("--cert", __file__, "--key", __file__)])
def test_what_fails_is_undone(place, words):
    one = Instance(place / "one")

    venv = None if words[0] in ("--from", "--venv") else OF_TESTS
    failed = one.install(*words, venv=venv) if words[0] != "--cert" else one.install(*words, "--user", "no such user!")

    assert failed.returncode == 1, failed.stdout
    assert failed.stderr.splitlines()[-1].startswith("Error:") or "Error:" in failed.stderr
    assert not one.prefix.exists()


def test_a_folder_with_other_things_in_it_is_left_alone(place):
    (place / "one").mkdir()
    (place / "one/thesis.tex").write_text("chapter 1")

    refused = Instance(place / "one").install()

    assert (refused.returncode, "not empty" in refused.stderr) == (1, True)
    assert [each.name for each in (place / "one").iterdir()] == ["thesis.tex"]
