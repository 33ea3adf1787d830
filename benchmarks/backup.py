"""A backup of measurements and logs, a check of it, and its restoration into an empty folder; by the commands."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.backup import reading
from app.db import schema
from app.db.session import arguments
from app.embedded import folder, services
from app.settings import Settings
from benchmarks import past
from benchmarks.report import Figure

MEASUREMENTS, LOG_BYTES = 1_000_000, 1 << 30
FEW, SMALL = 100_000, 32 << 20
CHUNK = 128 << 10  # bytes of one piece of a log, as incompressible as what zstd has compressed
LOGS = """
    INSERT INTO log_chunk (attempt_id, start, size, data)
    SELECT attempt.id, piece.number * $2, $2,
           (SELECT string_agg(sha256((attempt.id || ' ' || piece.number || ' ' || part)::bytea), ''::bytea)
              FROM generate_series(1, $2 / 32) AS part)
      FROM (SELECT id FROM attempt ORDER BY id LIMIT $1) AS attempt, generate_series(0, $3 - 1) AS piece (number)
"""
LOOK_S = 0.02
MEMORY = 200.0  # MiB that a command may take, however large the service is


@dataclass(frozen=True, kw_only=True)
class Took:
    """What one command took."""

    seconds: float
    cpu_seconds: float  # of its process, and of those that it started
    mebibytes: float  # of its process at most


def run(*, quick: bool) -> list[Figure]:
    """Fill a service, and let the commands at it."""
    with tempfile.TemporaryDirectory(prefix="rigline-bench-") as place:
        here, there, file = Path(place, "here"), Path(place, "there"), Path(place, "whole.rig")
        settings = Settings.load({"RIGLINE_DATA_DIR": str(here)})
        with folder.held(here), services.running(settings):
            asyncio.run(_fill(settings.database_url, FEW if quick else MEASUREMENTS, SMALL if quick else LOG_BYTES))
            saved = _took("backup", str(file), "--with-secret-key", data_dir=here)
        checked = _took("backup", "check", str(file), data_dir=here)
        restored = _took("restore", str(file), data_dir=there)
        return _figures(file, saved, checked, restored)


def _figures(file: Path, saved: Took, checked: Took, restored: Took) -> list[Figure]:
    held = reading.check(file)
    megabytes = held.bytes / 1e6
    figures = [
        Figure(what="rows of all tables", value=held.rows, unit=""),
        Figure(what="as PostgreSQL copies them", value=megabytes, unit="MB"),
        Figure(what="archive", value=file.stat().st_size / 1e6, unit="MB"),
    ]
    for what, took in (("backup", saved), ("check", checked), ("restore, with indexes", restored)):
        figures += [
            Figure(what=what, value=took.seconds, unit="s"),
            Figure(what=f"{what}: CPU", value=took.cpu_seconds, unit="s"),
            Figure(what=f"{what}: speed", value=megabytes / took.seconds, unit="MB/s"),
            Figure(what=f"{what}: memory of the command at most", value=took.mebibytes, unit="MiB", target=MEMORY),
        ]
    return figures


async def _fill(url: str, rows: int, log_bytes: int) -> None:
    await schema.upgrade(url)
    db = await asyncpg.connect(**arguments(url))
    try:
        await past.fill(db, past.Size(rows=rows))
        attempts = min(1000, await db.fetchval("SELECT count(*) FROM attempt"))
        await db.execute(LOGS, attempts, CHUNK, max(1, log_bytes // (attempts * CHUNK)))
    finally:
        await db.close()


def _took(*words: str, data_dir: Path) -> Took:
    """Run a command, and look at its memory while it runs."""
    begun, most = time.monotonic(), 0
    env = os.environ | {"RIGLINE_DATA_DIR": str(data_dir)}
    child = subprocess.Popen([sys.executable, "-m", "app.cli", *words], env=env, stdout=subprocess.DEVNULL)
    pid = 0
    while not pid:
        most = max(most, _peak(child.pid))
        time.sleep(LOOK_S)
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"rigline {words[0]} ended with {child.returncode}")
    seconds = time.monotonic() - begun
    return Took(seconds=seconds, cpu_seconds=used.ru_utime + used.ru_stime, mebibytes=most / 1024)


def _peak(pid: int) -> int:
    """Read the most memory that a process had, in KiB; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
