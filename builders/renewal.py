"""Renew the token while the agent works, so that a token that leaked is worth little for long."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
from collections.abc import Callable
from pathlib import Path

from builders.service import LeaseLost, Refused, Service, Unavailable

logger = logging.getLogger(__name__)
LOOK_S = 6 * 3600.0  # between two questions whether it is time
AGAIN_S = 60.0  # after a question without an answer: if the answer was lost, the old token ends within the hour


async def keep_renewed(service: Service, file: Path, adopt: Callable[[str], None]) -> None:
    """Ask for a new token now and then, for ever. Only a token in a file can be renewed: it is there at the next start.

    Args:
        adopt: takes the new token as the agent's own.
    """
    while True:
        pause = LOOK_S
        try:
            await renew(service, file, adopt)
        except (Unavailable, LeaseLost, Refused) as problem:
            logger.warning("the token is not renewed: %s", problem)
            pause = AGAIN_S
        except OSError as problem:
            logger.warning("the token is not renewed: %s cannot be replaced: %s", file, problem.strerror)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))


async def renew(service: Service, file: Path, adopt: Callable[[str], None]) -> None:
    """Renew the token if it is time. It is on the disk before it is used; what fails leaves the old one.

    Raises:
        OSError: the file cannot be replaced; nothing was asked.
        Unavailable: no answer; the old token still works.
    """
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as place:
        try:
            token = await service.renew()
            if token is None:
                return
            place.write(token + "\n")
            place.flush()
            os.fsync(place.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    service.show(token)
    adopt(token)
    logger.info("the token was renewed, %s holds the new one", file)
