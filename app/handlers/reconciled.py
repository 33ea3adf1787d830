"""What we found at a forge by looking, written down as a delivery of our own: handled, shown and replayed as any other.

No request from outside can claim to be one: their kept headers are those of a forge, and this one is none.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from integrations.events import Event, PullRequestChanged, Push
from integrations.forge import Malformed

KIND = "reconcile"
HEADERS = {"rigline": "reconcile"}
_KINDS: dict[str, type[Push | PullRequestChanged]] = {"push": Push, "pull_request": PullRequestChanged}


def is_ours(headers: Mapping[str, str]) -> bool:
    """Tell a delivery that we wrote ourselves."""
    return dict(headers) == HEADERS


def write(event: Push | PullRequestChanged) -> bytes:
    """Write an event; the repository stands where both forges have it."""
    name = "push" if isinstance(event, Push) else "pull_request"
    about = {"id": event.repository}
    return msgspec.json.encode({"repository": about, "project": about, "found": name, "event": event})


def read(body: bytes) -> Event:
    """Read an event back.

    Raises:
        Malformed: it was written by another version.
    """
    try:
        said: Any = msgspec.json.decode(body)
        return msgspec.convert(said["event"], type=_KINDS[said["found"]])
    except (msgspec.MsgspecError, KeyError, TypeError) as problem:
        raise Malformed(f"not an event of ours: {problem}") from None
