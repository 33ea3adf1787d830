"""A builder without work: it speaks the protocol over HTTP and ends what it claims at once."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Client
from builders.json_values import from_json, to_json
from builders.protocol import (
    PROTOCOL,
    Beat,
    BoardOffer,
    Claim,
    ConfigurationOffer,
    Finish,
    Hello,
    Lease,
    Level,
    Outcome,
)

HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, kw_only=True)
class Got:
    """A lease, and the wall clock's time at which its answer was here."""

    lease: Lease
    at: float  # seconds since 1970


class Builder:
    """One builder with one board, on one connection."""

    def __init__(self, port: int, token: str, *, board: str, type: str, configurations: int = 1) -> None:
        self.client = Client(port, {"Authorization": f"Bearer {token}", "Rigline-Protocol": str(PROTOCOL)})
        self.instance, self.board = uuid.uuid4().hex, board
        names = [ConfigurationOffer(name=f"c{number}") for number in range(configurations)]
        self.offer = BoardOffer(name=board, type=type, configurations=names)

    async def hello(self) -> None:
        """Register the board."""
        hello = Hello(instance=self.instance, version="bench", isolation=Level.NAMESPACES, boards=[self.offer])
        await self.client.send("PUT", "/api/v1/builders/me", to_json(hello))

    async def claim(self, wait_s: float) -> Got | None:
        """Ask for a job; None if there was none in time."""
        claim = Claim(claim_id=str(uuid.uuid4()), instance=self.instance, boards_free=[self.board], wait_s=wait_s)
        answer = await self._post("/api/v1/builders/me/claim", claim)
        return None if answer is None else Got(lease=from_json(Lease, answer), at=time.time())

    async def accept(self, lease: Lease) -> None:
        """Say the first sign of life."""
        await self._post(f"/api/v1/attempts/{lease.attempt_id}/beat", Beat(epoch=lease.epoch))

    async def finish(self, lease: Lease, *, log_size: int = 0, log_sha256: str = HASH_OF_NOTHING) -> None:
        """End the attempt as passed."""
        finish = Finish(epoch=lease.epoch, outcome=Outcome.PASSED, log_size=log_size, log_sha256=log_sha256)
        await self.client.send("PUT", f"/api/v1/attempts/{lease.attempt_id}/result", to_json(finish))

    async def _post(self, path: str, model: Any) -> Any:
        return await self.client.send("POST", path, to_json(model))
