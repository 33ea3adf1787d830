"""Notice that the configuration file changed, and read it again; a bad one leaves the old one in force."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from builders.config import Config, ConfigError, load
from builders.protocol import MAX_PROBLEM

logger = logging.getLogger(__name__)
LOOK_S = 0.5  # between two looks; what differs twice in a row in the same way counts, so half a file does not

Signature = tuple[int, int, int] | None  # None: there is no such file


class Watch:
    """The file of a configuration that is in force."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = self.before = _signature(path)
        self.asked = asyncio.Event()

    def ask(self) -> None:
        """Read the file again at once, changed or not."""
        self.asked.set()

    async def changes(self) -> AsyncIterator[tuple[Config | None, str]]:
        """Give each new configuration, or None with what is wrong in the file."""
        while True:
            await self._changed()
            try:
                yield await asyncio.to_thread(load, self.path), ""
            except ConfigError as problem:
                logger.warning("the configuration stays as it was: %s", problem)
                yield None, _shown(f"The configuration stays as it was: {problem}")

    async def _changed(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self.asked.wait(), LOOK_S)
            except TimeoutError:
                now = _signature(self.path)
                is_settled, self.before = now == self.before, now
                if now == self.known or not is_settled:
                    continue
            self.asked.clear()
            self.known = self.before = _signature(self.path)
            return


def kept(old: Config, new: Config) -> list[str]:
    """List what is different in a new configuration and needs a restart."""
    return [key for key in ("state_dir", "work_dir") if getattr(old, key) != getattr(new, key)]


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_PROBLEM]


def _signature(path: Path) -> Signature:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino
