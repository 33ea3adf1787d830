"""A process that sweeps, to be frozen: `python -m tests.dispatch.child_sweeper SETTINGS.json PATIENCE_S`.

PATIENCE_S takes the place of the twenty seconds after which the database lets go of a frozen process.
"""

import asyncio
import sys
from pathlib import Path

import sqlalchemy as sa

from app import deps as deps_module
from app.db import session
from app.dispatch import sweep
from app.settings import Settings


def say(word: str) -> None:
    """Let the test know."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def main(settings: Settings) -> None:
    deps = await deps_module.build(settings, {})
    while True:
        try:
            await sweep.sweep(deps)
        except (OSError, sa.exc.SQLAlchemyError):
            say("interrupted")
        else:
            say("swept")
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sweep.LOCK_S = int(sys.argv[2])
    session.SESSION["idle_in_transaction_session_timeout"] = str(1000 * sweep.LOCK_S)
    asyncio.run(main(Settings.model_validate_json(Path(sys.argv[1]).read_text())))
