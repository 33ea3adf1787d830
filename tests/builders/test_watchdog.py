"""systemd hears that the agent is ready, alive and ending."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.unit import quoted, unit
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService


class Systemd:
    """The end of the socket that systemd would hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))

    async def hears(self) -> str:
        async with asyncio.timeout(30):
            return (await asyncio.get_running_loop().sock_recv(self.socket, 4096)).decode()

    async def until(self, word: str) -> None:
        while await self.hears() != word:
            pass


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.socket.close()


async def test_systemd_hears_that_the_agent_is_ready_alive_and_ending(lab: Lab, systemd: Systemd) -> None:
    lab.board()
    agent = await lab.connect(NOTIFY_SOCKET=str(systemd.path), WATCHDOG_USEC="300000")
    await systemd.until("READY=1")
    for _ in range(3):
        await systemd.until("WATCHDOG=1")
    agent.send_signal(signal.SIGTERM)
    await systemd.until("STOPPING=1")
    assert await agent.wait() == 0


async def test_an_agent_that_hangs_is_silent_so_that_systemd_restarts_it(lab: Lab, systemd: Systemd) -> None:
    lab.board()
    agent = await lab.connect(NOTIFY_SOCKET=str(systemd.path), WATCHDOG_USEC="300000")
    await systemd.until("WATCHDOG=1")
    agent.send_signal(signal.SIGSTOP)
    status = Path(f"/proc/{agent.pid}/stat")
    async with asyncio.timeout(30):
        while status.read_text().rpartition(")")[2].split()[0] != "T":
            await asyncio.sleep(0.01)
    while True:
        try:
            systemd.socket.recv(4096)
        except BlockingIOError:
            break
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(systemd.hears(), 0.5)  # five beats' time


async def test_a_script_cannot_speak_to_systemd_in_the_agents_name(
    lab: Lab, service: FakeService, project: Project, systemd: Systemd
) -> None:
    lab.config(
        '[[boards]]\nname = "b1"\n[[boards.configurations]]\nname = "c1"\nbuild = "scripts/build.sh"\nrun = "true"\n',
        head='environment = ["NOTIFY_SOCKET"]\n',
    )
    lab.script("build.sh", 'echo "socket:${NOTIFY_SOCKET:-none}"')
    job = await service.job(project.source(project.commit(a="1")), "b1", "c1")
    await lab.connect(NOTIFY_SOCKET=str(systemd.path))
    await job.ended()
    await job.logged("socket:none")


def test_a_unit_names_the_token_by_its_file_and_quotes_what_systemd_would_read_otherwise() -> None:
    text = unit(
        name="shelf",
        program=Path("/opt/a b/rigline-builder"),
        config=Path("/etc/100%/builder.toml"),
        token=Path("/etc/rigline/token"),
        server="https://rigline.example.org",
        user="rigline-builder",
    )
    assert 'ExecStart="/opt/a b/rigline-builder" "--config" "/etc/100%%/builder.toml" "connect"' in text
    assert 'Environment="RIGLINE_BUILDER_TOKEN_FILE=/etc/rigline/token"' in text
    assert "Type=notify" in text
    assert quoted('a"b$c\\') == '"a\\"b$$c\\\\"'
