"""What an agent and the processes of its jobs say to each other: JSON lines over a socket in the state folder.

    job → agent   {"attempt": ID} first; {"ask": "claim"}; {"refused": [TEXT, CODE]};
                  {"off_board": true, "finished": `Finished`|null, "claimed": ID|null}
    agent → job   {"stop": CAUSE, "force": BOOL}; {"claim": `Claim`|null}

The agent listens. A job's process comes back when the agent was away, and works on meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "agent.sock"
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED (unix(7))


@contextlib.contextmanager
def address(folder: Path) -> Iterator[str]:
    """Name the socket by a path that is short enough for the kernel, however deep the folder lies."""
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{place}/{NAME}"
    finally:
        os.close(place)


def listening(folder: Path) -> socket.socket:
    """Open the agent's end, in place of what an agent before left."""
    (folder / NAME).unlink(missing_ok=True)
    place = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with address(folder) as name:
        place.bind(name)
    place.listen()
    place.setblocking(False)
    return place


def peer(place: Any) -> int:
    """Say which process is at the other end."""
    found = place.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    pid: int = CREDENTIALS.unpack(found)[0]
    return pid


def packed(**said: Any) -> bytes:
    """Write one line."""
    return json.dumps(said).encode() + b"\n"


def unpacked(text: bytes) -> dict[str, Any]:
    """Read one line. Raises ValueError if it is none of ours."""
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError("expected an object")  # noqa: TRY004  # the one error of a bad line
    return said
