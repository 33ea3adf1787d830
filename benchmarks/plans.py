"""The plans that PostgreSQL made for the statements of the service, with what they took: by its own auto_explain."""

import asyncio
from pathlib import Path

import asyncpg

SETTINGS = {
    "session_preload_libraries": "'auto_explain'",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
}
LONGEST_LINE = 200  # characters: arrays of thousands of ids say nothing


async def begin(db: asyncpg.Connection) -> None:
    """Have all statements of the service explained from now on: its connections are closed and come again."""
    await db.execute("LOAD 'auto_explain'")  # its settings are unknown before
    for name, value in SETTINGS.items():
        await db.execute(f"ALTER DATABASE postgres SET {name} = {value}")
    await db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    await asyncio.sleep(1)  # the service notices at its next statement


async def end(db: asyncpg.Connection) -> None:
    """Explain no more, for a database that is kept."""
    for name in SETTINGS:
        await db.execute(f"ALTER DATABASE postgres RESET {name}")


def show(data_dir: Path) -> None:
    """Print what the server wrote."""
    log = data_dir / "postgres.log"
    for line in log.read_text(errors="replace").splitlines():
        print(line[:LONGEST_LINE])
