"""The link by which a mail's reader ends a subscription, without an account: it is good for that one alone."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

_DIGEST = 24  # bytes


@dataclass(frozen=True, kw_only=True)
class Unsubscribing:
    """Where a subscription is ended."""

    address: str


def unsubscribing(key: str, public_url: str, subscription_id: int) -> Unsubscribing:
    """Make the link of a subscription."""
    return Unsubscribing(address=f"{public_url}/unsubscribe/{subscription_id}-{_mac(key, subscription_id)}")


def meant(key: str, token: str) -> int | None:
    """Say which subscription a link is for; None if it is none of ours."""
    number, _, mac = token.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 10 and mac.isascii()):
        return None
    return int(number) if hmac.compare_digest(mac, _mac(key, int(number))) else None


def _mac(key: str, subscription_id: int) -> str:
    said = f"rigline unsubscribe {subscription_id}".encode()
    digest = hmac.new(key.encode(), said, hashlib.sha256).digest()[:_DIGEST]
    return base64.urlsafe_b64encode(digest).decode()
