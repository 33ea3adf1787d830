"""Rigline's processes over shared servers, as a larger installation runs them."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2

from app.settings import Settings
from integrations.fake.server import GITHUB
from tests.acceptance import processes
from tests.acceptance.processes import BUILDER, RIGLINE

SECRET, TOKEN = "acceptance-secret", "acceptance-token"
PUBLIC_URL = "https://rigline.example"


def environment(settings: Settings, forge: str) -> dict[str, str]:
    """Name the servers and the forges that all processes share."""
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "RIGLINE_SECRET_KEY": "one key for all processes",
        "RIGLINE_PUBLIC_URL": PUBLIC_URL,
        "RIGLINE_GITHUB_API_URL": f"{forge}{GITHUB}",
        "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
        "RIGLINE_GITHUB_TOKEN": TOKEN,
        "RIGLINE_GITLAB_URL": f"{forge}/gitlab",
        "RIGLINE_GITLAB_WEBHOOK_SECRETS": SECRET,
        "RIGLINE_GITLAB_TOKEN": TOKEN,
        "RIGLINE_BIND": "127.0.0.1",
    }


async def start_service(opened: AsyncExitStack, env: dict[str, str], folder: Path, webs_wanted: int = 2) -> list[str]:
    """Start web processes and a worker; returns the addresses of web."""
    webs = []
    for number in range(webs_wanted):
        port, log = free_port(), folder / f"web-{number}.log"
        own = env | {"PORT": str(port), "RIGLINE_DATA_DIR": str(folder / f"web-{number}")}
        child = await opened.enter_async_context(processes.running(*RIGLINE, "web", env=own, log=log))
        webs.append(f"http://127.0.0.1:{port}")
        await processes.ready(webs[-1], child, log)
    own = env | {"RIGLINE_DATA_DIR": str(folder / "worker")}
    await opened.enter_async_context(processes.running(*RIGLINE, "worker", env=own, log=folder / "worker.log"))
    return webs


@asynccontextmanager
async def builder(board: str, web: str, folder: Path, client: dict[str, str]) -> AsyncIterator[None]:
    """Register and run a builder with one board and one configuration."""
    created = await processes.command(*RIGLINE, "builder", "create", f"{board}-builder", env=client)
    assert created.status == 0, created.err
    lines = (line.removeprefix("export ") for line in created.out.splitlines() if line.startswith("export "))
    env = {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}
    own = folder / f"{board}-agent"
    own.mkdir()
    (own / "builder.toml").write_text(
        f'version = 1\n[builder]\nstate_dir = "{own}/state"\nwork_dir = "{own}/work"\n'
        f'[builder.sandbox]\nreadable = ["{folder}"]\n'
        f'[[boards]]\nname = "{board}"\n[[boards.configurations]]\nname = "default"\n'
        f'build = ["sh", "build.sh"]\nrun = ["sh", "run.sh"]\nenvironment = {{ GATE = "{folder}/gate" }}\n'
    )
    words, log = (*BUILDER, "--config", str(own / "builder.toml"), "connect", "--server", web), own / "agent.log"
    async with processes.running(*words, env=env, log=log) as child:
        await processes.said(log, "connected", child)
        yield


def admin(web: Path) -> httpx2.AsyncClient:
    """Speak to the web process of this folder as admin: over its socket, as who may open that is one."""
    return httpx2.AsyncClient(
        base_url="http://rigline", transport=httpx2.AsyncHTTPTransport(uds=str(web / "rigline.sock"))
    )


def free_port() -> int:
    """Find a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
