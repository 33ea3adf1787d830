"""One web process as a child, to be killed: `python -m tests.dispatch.child_web SETTINGS.json FILE_FOR_THE_ADDRESS`."""

import asyncio
import sys
from pathlib import Path

from app.settings import Settings
from tests.dispatch.world import web


async def serve(settings: Settings, tell: Path) -> None:
    async with web(settings) as (_, _, address):
        tell.with_suffix(".part").write_text(address)
        tell.with_suffix(".part").rename(tell)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Settings.model_validate_json(Path(sys.argv[1]).read_text()), Path(sys.argv[2])))
