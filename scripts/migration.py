"""Write a new migration from what the models say and the newest schema lacks: to be read and cleaned by hand.

Usage: python scripts/migration.py MESSAGE
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from app.db import schema
from app.db.session import engine
from app.embedded import folder, services
from app.settings import Settings


def write(connection: Connection, message: str) -> None:
    """Compare a database at the newest revision with the models."""
    config = schema.config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    number = int(schema.head()) + 1
    command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


async def main(url: str, message: str) -> None:
    """Write the migration over an empty database."""
    own = engine(url)
    async with own.begin() as db:
        await db.run_sync(write, message)
    await own.dispose()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings.load({"RIGLINE_DATA_DIR": temporary, "REDIS_URL": "unix:///unused"})
        with folder.held(Path(temporary)), services.running(settings, durable=False):
            asyncio.run(main(settings.database_url, " ".join(sys.argv[1:]) or "change"))
