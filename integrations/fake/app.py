"""A GitHub App as the forge in memory sees it: its public key, and the tokens it was given."""

import base64
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

LIFE_S = 3600.0
LONGEST_JWT_S = 600
TOKEN_CHARACTERS = 520  # since 2026 tokens are longer than a column of 255


@dataclass(frozen=True)
class Minted:
    """A token of an installation."""

    installation: int
    until: float
    narrowed: dict[str, Any]


@dataclass
class FakeApp:
    """An App that is installed wherever a repository of the world says so."""

    id: str
    public_key: rsa.RSAPublicKey
    slug: str = "rigline"
    life_s: float = LIFE_S  # of a token
    suspended: set[int] = field(default_factory=set)
    minted: dict[str, Minted] = field(default_factory=dict)
    deliveries: list[dict[str, Any]] = field(default_factory=list)  # as `FakeHook.deliveries`
    asked_again: list[int] = field(default_factory=list)

    def mint(self, installation: int, narrowed: dict[str, Any]) -> dict[str, Any]:
        """Make a token."""
        token = f"ghs_{len(self.minted) + 1}_".ljust(TOKEN_CHARACTERS, "x")
        until = time.time() + self.life_s
        self.minted[token] = Minted(installation, until, narrowed)
        return {"token": token, "expires_at": datetime.fromtimestamp(until, UTC).isoformat().replace("+00:00", "Z")}

    def installation_of(self, token: str) -> int | None:
        """Say whose token this is; None if it is nobody's, or its time is over."""
        found = self.minted.get(token)
        return None if found is None or found.until < time.time() else found.installation

    def has_signed(self, jwt: str) -> bool:
        """Check a JWT as GitHub does: the signature, who it is, and not of the future nor for too long."""
        try:
            head, claims, signature = jwt.split(".")
            self.public_key.verify(
                _decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            said = json.loads(_decoded(claims))
        except (ValueError, InvalidSignature):
            return False
        now = time.time()
        in_time = said["iat"] <= now < said["exp"] <= said["iat"] + LONGEST_JWT_S
        return bool(in_time and said["iss"] == self.id and json.loads(_decoded(head))["alg"] == "RS256")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
