"""The own servers: started, stopped, killed and started again, without touching the machine."""

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest
import redis

from app.db.session import arguments
from app.embedded import disguise, folder, postgres, services
from app.errors import StartupError
from app.settings import Settings, socket_folder
from tests.ground.processes import ROOT, SITE_PACKAGES, pythons_for

# As root, also as an ordinary user, if this machine lets one reach the code.
USERS = [pytest.param(None, sys.executable, id="as-we-are")]
if os.geteuid() == 0:
    USERS += [
        pytest.param("nobody", python, id="as-nobody") for python in pythons_for("nobody", "app.embedded.services")
    ]
RUN = """
import sys
from app.embedded import folder, services
from app.settings import Settings
settings = Settings.load({"RIGLINE_DATA_DIR": sys.argv[1]})
with folder.held(settings.data_dir), services.running(settings):
    print("ready", flush=True)
    sys.stdin.read()
print("stopped", flush=True)
"""


def made_settings(data_dir):
    return Settings.load({"RIGLINE_DATA_DIR": str(data_dir)})


def start(data_dir, user=None, python=sys.executable):
    """Run both servers in a process of its own, which ends when its input ends."""
    return subprocess.Popen(
        [python, "-c", RUN, str(data_dir)],
        cwd=data_dir.parent,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}", "HOME": str(data_dir.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )


def until_ready(process):
    said = process.stdout.readline()
    if said != "ready\n":
        process.kill()
        pytest.fail(said + process.communicate()[1])
    return process


def end(process):
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "stopped\n"), err


def servers_of(data_dir):
    """List the processes that work below a data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd").startswith(str(data_dir)):
                found.append(entry.name)
        except OSError:
            continue
    return found


async def ask(settings, statement):
    connection = await asyncpg.connect(**arguments(settings.database_url))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.fixture
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def open_place():
    """A folder that a user may own: pytest's own are below one that is closed to others."""
    with tempfile.TemporaryDirectory(prefix="rigline-test-") as found:
        yield Path(found)


def own(place, user):
    if user is not None:
        os.chown(place, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    return place


def machine():
    """What must be the same afterwards: users, groups, and the modes of every parent folder."""
    parents = {*Path(sys.prefix).parents, *ROOT.parents, ROOT, Path(sys.prefix), Path("/tmp")}
    modes = {str(path): stat.S_IMODE(path.stat().st_mode) for path in parents}
    return modes, Path("/etc/passwd").read_text(), Path("/etc/group").read_text()


@pytest.mark.parametrize(("user", "python"), USERS)
async def test_both_servers_run_as_any_user_and_leave_the_machine_as_it_was(open_place, user, python):
    before = machine()
    data_dir = own(open_place, user) / "data"
    settings = Settings.load({"RIGLINE_DATA_DIR": str(data_dir)}, keeps_secret_key=False)

    process = until_ready(start(data_dir, user, python))
    assert await ask(settings, "SELECT 1") == 1
    with redis.Redis.from_url(settings.redis_url) as client:
        client.set("kept", "yes")
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    end(process)

    assert servers_of(data_dir) == []
    assert machine() == before
    until_ready(again := start(data_dir, user, python))
    with redis.Redis.from_url(settings.redis_url) as client:
        assert client.get("kept") == b"yes"
    end(again)


def test_no_tcp_port_is_opened(place):
    process = until_ready(start(place / "data"))

    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    inodes = {line.split()[9] for line in listening.splitlines() if " 0A " in line}
    ours = set()
    for pid in servers_of(place / "data"):
        for number in Path(f"/proc/{pid}/fd").iterdir():
            ours.add(os.readlink(number).removeprefix("socket:[").removesuffix("]"))
    end(process)

    assert not inodes & ours


async def test_killed_servers_lose_nothing_that_was_acknowledged_and_start_again(place):
    data_dir = place / "data"
    settings = made_settings(data_dir)
    until_ready(first := start(data_dir))
    await ask(settings, "CREATE TABLE kept AS SELECT 1 AS one")
    for pid in servers_of(data_dir):
        os.kill(int(pid), signal.SIGKILL)
    first.kill()
    first.communicate()

    second = until_ready(start(data_dir))

    assert await ask(settings, "SELECT one FROM kept") == 1
    end(second)


async def test_servers_of_a_killed_process_end_by_themselves_or_are_ended_by_the_next(place):
    data_dir = place / "data"
    settings = made_settings(data_dir)
    until_ready(first := start(data_dir))
    orphan = (data_dir / "postgres/postmaster.pid").read_text().split()[0]
    first.kill()
    first.communicate()

    second = until_ready(start(data_dir))

    assert (data_dir / "postgres/postmaster.pid").read_text().split()[0] != orphan
    assert await ask(settings, "SELECT 1") == 1
    end(second)


async def test_a_stale_process_id_file_that_names_a_living_process_does_not_stop_the_start(place):
    settings = made_settings(place / "data")
    with folder.held(settings.data_dir), services.running(settings, durable=False):
        lines = (settings.data_dir / "postgres/postmaster.pid").read_text().splitlines()
    pid_file = settings.data_dir / "postgres/postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    with folder.held(settings.data_dir), services.running(settings, durable=False):
        assert await ask(settings, "SELECT 1") == 1


def test_a_data_directory_is_held_by_one_process(place):
    with (
        folder.held(place / "data"),
        pytest.raises(StartupError, match=rf"in use by process {os.getpid()}.*--data-dir"),
        folder.held(place / "data"),
    ):
        pass


async def test_a_deep_data_directory_gets_a_short_private_folder_for_its_sockets(place):
    deep = place.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    deep.mkdir(parents=True)
    settings = made_settings(deep)

    with folder.held(deep), services.running(settings, durable=False):
        sockets = socket_folder(deep)
        assert deep not in sockets.parents
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert await ask(settings, "SELECT 1") == 1


def test_a_folder_for_sockets_that_others_may_enter_is_refused(place):
    (place / "run").mkdir()
    (place / "run").chmod(0o755)

    with pytest.raises(StartupError, match="not a private folder of ours"):
        folder.sockets(place)


def test_data_of_another_major_version_is_refused_with_what_to_do(place):
    (place / "PG_VERSION").write_text("9\n")

    with pytest.raises(StartupError, match=r"made by PostgreSQL 9.*pg_dump"):
        postgres.find(place, None)


def test_a_folder_of_binaries_that_is_none_is_named(place):
    with pytest.raises(StartupError, match=rf"{place}.*RIGLINE_POSTGRES_BIN"):
        postgres.find(place / "data", place)


def test_an_existing_data_folder_chooses_the_binaries_of_its_version(place):
    wheel = postgres.of_the_wheel()[0]
    for major in {binaries.major for binaries in postgres.installed(None)}:
        (place / "PG_VERSION").write_text(f"{major}\n")
        assert postgres.find(place, None).major == major
    assert postgres.find(place / "new", wheel).folder == wheel


def test_a_server_that_cannot_start_says_why_and_leaves_no_process(place):
    settings = made_settings(place / "data")
    with folder.held(settings.data_dir), services.running(settings, durable=False):
        pass
    (settings.data_dir / "postgres/postgresql.conf").write_text("no such setting\n")

    with (
        pytest.raises(StartupError, match=r"(?s)ended at once.*syntax error|configuration"),
        folder.held(settings.data_dir),
        services.running(settings, durable=False),
    ):
        pass

    assert servers_of(place / "data") == []


def test_a_first_start_that_was_cut_off_is_done_again(place):
    settings = made_settings(place / "data")
    half = settings.data_dir / "postgres.part"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with folder.held(settings.data_dir), services.running(settings, durable=False):
        assert not half.exists()


def test_sockets_are_for_us_alone(place):
    settings = made_settings(place / "data")
    with folder.held(settings.data_dir), services.running(settings, durable=False):
        sockets = socket_folder(settings.data_dir)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(sockets / "redis.sock"))


if os.geteuid() == 0:  # the way out of root alone

    async def test_root_without_user_namespaces_runs_postgres_as_nobody_below_closed_folders(place):
        settings = made_settings(place / "closed" / "data")
        nobody = pwd.getpwnam("nobody")
        data, binaries = settings.data_dir / "postgres", postgres.installed(None)[-1]
        server = postgres.server(
            data,
            sockets=folder.sockets(settings.data_dir),
            binaries=binaries,
            durable=False,
            choose=lambda _: disguise.as_other(nobody.pw_uid, nobody.pw_gid),
        )
        (place / "closed").chmod(0o700)

        server.start()
        try:
            assert await ask(settings, "SELECT 1") == 1
            assert data.stat().st_uid == nobody.pw_uid
            assert f"Uid:\t{nobody.pw_uid}\t" in Path(f"/proc/{server.process.pid}/status").read_text()
        finally:
            server.stop()
        assert servers_of(settings.data_dir) == []
