"""Tell a delivery of GitLab's from anybody else's: a shared token, or a signature where a key is configured."""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence

from integrations.forge import NotGenuine

TOKEN = "x-gitlab-token"  # noqa: S105
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
MAX_SKEW_S = 300
KEY_PREFIX = "whsec_"
MAX_SIGNATURES = 1000  # characters of the header: room for a few
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def is_present(headers: Mapping[str, str]) -> bool:
    """Tell whether there is a token or a signature, whatever it is worth."""
    return bool(headers.get(TOKEN) or headers.get(SIGNATURE))


def check(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Sequence[bytes],
    keys: Sequence[bytes],
    now: float | None = None,
) -> None:
    """Accept a delivery with a right signature if there are signing keys, else one with a right token.

    A token never stands in for a signature: that would let anybody who learned it sign nothing.

    Raises:
        NotGenuine: neither, or nothing to check it with.
    """
    if keys:
        _check_signature(headers, body, keys, time.time() if now is None else now)
        return
    given = headers.get(TOKEN, "").encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(secret, given) for secret in secrets if secret]
    if not any(matches):
        raise NotGenuine(f"{TOKEN} is missing or none of the configured secrets")


def _check_signature(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: float) -> None:
    name, moment, given = (headers.get(header, "") for header in (ID, TIMESTAMP, SIGNATURE))
    if not name or not _SECONDS.fullmatch(moment) or not given or len(given) > MAX_SIGNATURES:
        raise NotGenuine(f"{ID}, {TIMESTAMP} or {SIGNATURE} is missing or malformed")
    if abs(now - int(moment)) > MAX_SKEW_S:
        raise NotGenuine(f"{TIMESTAMP} is more than {MAX_SKEW_S} seconds away from our clock")
    said = [text.encode() for text in given.split(" ") if text.isascii()]
    wanted = [sign(body, key, name, int(moment)).encode() for key in keys]
    matches = [hmac.compare_digest(one, other) for one in wanted for other in said]
    if not any(matches):
        raise NotGenuine("the signature fits none of the configured keys")


def sign(body: bytes, key: bytes, name: str, moment: int) -> str:
    """Make the header's value as Standard Webhooks says: HMAC-SHA256 over id, time and body."""
    content = f"{name}.{moment}.".encode("utf-8", "surrogatepass") + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def signing_key(text: str) -> bytes:
    """Read a key as GitLab shows it, `whsec_` and base64.

    Raises:
        ValueError: it is no such key.
    """
    try:
        key = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 16:
        raise ValueError("a GitLab signing key is whsec_ and the base64 of at least 16 bytes")
    return key
