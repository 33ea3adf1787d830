"""The demo's stage: a forge in memory with a real git server, the service, and a builder, each as it really runs."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from hypercorn.asyncio import serve
from hypercorn.config import Config

from app import environment
from app.cli.demo import sample
from app.client import Client, Place
from integrations.fake import server as fake
from integrations.fake.deliveries import Delivery
from integrations.fake.site import Site
from integrations.fake.world import FakeRepository, World

SECRET = "secret-of-the-demo"  # noqa: S105 - made up, for a forge in memory
TOKEN = "token-of-the-demo"  # noqa: S105
START_LIMIT = 90.0  # seconds
STOP_LIMIT = 30.0
OWNER, NAME = "acme", "raster"


class DemoError(Exception):
    """The demo cannot go on; the text says why and where the logs are."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that runs."""

    folder: Path
    url: str
    world: World
    repository: FakeRepository
    sample: sample.Sample

    def client(self) -> Client:
        """Speak to the service over its Unix socket."""
        return Client(Place(socket=self.folder / "data" / "rigline.sock"))

    async def send(self, http: httpx2.AsyncClient, delivery: Delivery) -> None:
        """Deliver a webhook as the forge does: signed, over HTTP."""
        answer = await http.post(self.url + delivery.path, headers=delivery.headers, content=delivery.body)
        if answer.status_code != httpx2.codes.ACCEPTED:
            raise DemoError(f"the service refused a delivery: {answer.status_code} {answer.text[:200]}")


@asynccontextmanager
async def raised(folder: Path, port: int) -> AsyncIterator[Stage]:
    """Start forge and service; stop them at the end of the block."""
    made = sample.create(_made(folder / "git" / OWNER) / f"{NAME}.git")
    world = World()
    repository = world.add(FakeRepository(id=4711, full_name=f"{OWNER}/{NAME}"))
    port = free_port(port)
    async with AsyncExitStack() as opened:
        forge_url = await opened.enter_async_context(_forge(Site(world, folder / "git", token=TOKEN)))
        env = _service_environment(folder, port, forge_url)
        words = ("-m", "app.cli", "serve", "--port", str(port))
        service = await opened.enter_async_context(process("service", folder, words, env))
        url = f"http://127.0.0.1:{port}"
        await _ready(url, service, folder)
        yield Stage(folder=folder, url=url, world=world, repository=repository, sample=made)


@asynccontextmanager
async def builder(stage: Stage, variables: Mapping[str, str]) -> AsyncIterator[None]:
    """Run the agent of a builder with two boards that are this machine."""
    configuration = stage.folder / "builder.toml"
    folders = f'state_dir = "{stage.folder / "builder"}"\nwork_dir = "{stage.folder / "work"}"'
    own = f"[builder]\n{folders}\nparallel_builds = 2\n"
    version, _, boards = sample.builder_configuration(sys.executable).partition("\n")
    configuration.write_text(f"{version}\n{own}{boards}")
    words = ("-m", "builders.cli", "--config", str(configuration), "connect", "--server", stage.url)
    async with process("builder", stage.folder, words, variables):
        yield


@asynccontextmanager
async def process(
    name: str, folder: Path, words: tuple[str, ...], env: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one of our own programs, its output in a file; end it as Ctrl-C would."""
    own = environment.named("PATH", "HOME", "LANG", "TMPDIR")
    with (folder / f"{name}.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            env=own | dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        await _stop(child)


async def _stop(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), STOP_LIMIT)
    except TimeoutError:
        child.kill()
        await child.wait()


def free_port(wanted: int) -> int:
    """Take the wanted port if it is free, else any other."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no port is free on 127.0.0.1")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _service_environment(folder: Path, port: int, forge_url: str) -> dict[str, str]:
    return {
        "RIGLINE_DATA_DIR": str(folder / "data"),
        "RIGLINE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "RIGLINE_GITHUB_API_URL": f"{forge_url}{fake.GITHUB}",
        "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
        "RIGLINE_GITHUB_TOKEN": TOKEN,
        "RIGLINE_FORK_ISOLATION": "subreaper",  # the demo's stranger is ours: it runs where there is no sandbox too
    }


@asynccontextmanager
async def _forge(app: Site) -> AsyncIterator[str]:
    config, stop = Config(), asyncio.Event()
    config.bind, config.loglevel, config.graceful_timeout = ["127.0.0.1:0"], "ERROR", 1.0
    listening = config.create_sockets().insecure_sockets[0]
    port = listening.getsockname()[1]
    config.bind = [f"fd://{listening.detach()}"]
    running = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await running


async def _ready(url: str, service: asyncio.subprocess.Process, folder: Path) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_LIMIT), httpx2.AsyncClient() as http:
            while service.returncode is None:
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(f"{url}/readyz")).status_code == httpx2.codes.OK:
                        return
                await asyncio.sleep(0.1)
    said = (folder / "service.log").read_text(errors="replace")[-1500:]
    raise DemoError(f"the service did not start:\n{said}")
