"""The systemd unit of an instance: what it keeps the service from, and that systemd takes it."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from app.cli.announcing import Announcer
from app.instance import systemd
from app.instance.place import Manifest, Place
from builders.watchdog import Watchdog

PLACE = Place(Path("/opt/rigline"))


def unit(*, account="rigline", for_user=False, port=8443, place=PLACE):
    manifest = Manifest(name="rigline", version="1", source="/src", account=account, user_unit=for_user)
    return systemd.text(place, manifest, port=port)


def test_the_unit_of_a_system_sees_the_file_system_read_only_but_for_three_folders():
    lines = unit().splitlines()

    assert {
        "Type=notify",
        "User=rigline",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "CapabilityBoundingSet=",
        'ReadWritePaths="/opt/rigline/data" "/opt/rigline/logs" "/opt/rigline/tmp"',
        'ExecStart="/opt/rigline/bin/rigline" serve',
        "ExecReload=kill -HUP $MAINPID",
        "WatchdogSec=90",
        "WantedBy=multi-user.target",
    } <= set(lines)


def test_a_low_port_needs_one_capability_and_no_more():
    lines = unit(port=443).splitlines()

    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in lines
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE" in lines


def test_a_unit_of_a_user_asks_only_for_what_a_users_systemd_can_give():
    lines = unit(account=None, for_user=True).splitlines()

    assert {"NoNewPrivileges=yes", "WantedBy=default.target"} <= set(lines)
    assert not [line for line in lines if line.startswith(("User=", "ProtectSystem", "Capability", "ReadWritePaths"))]


def test_an_instance_in_a_home_can_still_be_read():
    assert "ProtectHome=read-only" in unit(place=Place(Path("/home", "ada", "lab")))


ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.parametrize("port", [8443, 443] if ANALYZE else [])
@pytest.mark.parametrize("prefix", ["lab", "a folder, 100 % of it"])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path, prefix, port):
    place = Place(tmp_path / prefix)
    (place.prefix / "bin").mkdir(parents=True)
    shutil.copy("/bin/true", place.program)
    file = tmp_path / "rigline.service"
    file.write_text(unit(account="root", place=place, port=port))

    said = subprocess.run([ANALYZE, "verify", file], capture_output=True, text=True, check=False)

    assert (said.returncode, str(file) in said.stderr) == (0, False), said.stderr


def test_whoever_starts_the_service_hears_its_steps_and_scripts_do_not(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        announcer = Announcer()
        announcer.say("PostgreSQL is ready")
        announcer.stopping()
        announcer.close()

        assert "NOTIFY_SOCKET" not in os.environ
        assert [heard.recv(100) for _ in range(2)] == [b"STATUS=PostgreSQL is ready", b"STOPPING=1\nSTATUS=stopping"]
    assert not Watchdog({}).is_heard
