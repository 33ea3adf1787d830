"""How a receiver knows that a webhook is ours: the scheme of Standard Webhooks, for which libraries exist.

Source:
    https://www.standardwebhooks.com: `webhook-signature: v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`;
    a secret is `whsec_` and the base64 of the key.
"""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
KEY_BYTES = 32


def new_secret() -> str:
    """Make a secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def headers(secret: str, delivery: str, moment: int, body: bytes) -> dict[str, str]:
    """Sign a body.

    Args:
        moment: seconds since 1970, by which a receiver refuses what is sent again later.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{delivery}.{moment}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": delivery, "webhook-timestamp": str(moment), "webhook-signature": f"v1,{digest}"}
