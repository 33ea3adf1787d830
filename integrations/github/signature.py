"""Tell a delivery of GitHub's from anybody else's: HMAC-SHA256 of the raw bytes, nothing weaker."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from integrations.forge import NotGenuine

HEADER = "x-hub-signature-256"
_FORM = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)


def is_present(headers: Mapping[str, str]) -> bool:
    """Tell whether there is a signature of the right form, whatever it is worth."""
    return _FORM.fullmatch(headers.get(HEADER, "")) is not None


def check(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes]) -> None:
    """Accept a body signed with one of the secrets; every one is tried, so that time tells nothing.

    Raises:
        NotGenuine: no such signature, or no secret to check it with.
    """
    given = _FORM.fullmatch(headers.get(HEADER, ""))
    if given is None:
        raise NotGenuine(f"{HEADER} is missing or not of the form sha256=HEX")
    mac = bytes.fromhex(given[1])
    matches = [hmac.compare_digest(hmac.digest(secret, body, hashlib.sha256), mac) for secret in secrets if secret]
    if not any(matches):
        raise NotGenuine("the signature fits none of the configured secrets")


def sign(body: bytes, secret: bytes) -> str:
    """Make the header's value, as GitHub does."""
    return f"sha256={hmac.digest(secret, body, hashlib.sha256).hex()}"
