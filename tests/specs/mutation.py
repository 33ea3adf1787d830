"""Bend a delivery's body: values of other kinds, fields gone, bytes that do not belong; the same for the same seed."""

import copy
import json
import random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 1.5, 1e308, "", " ", "\x00", "null", "0"),
    *("refs/heads/x..y", "--upload-pack=touch x", "$(reboot)", "\u202egnp.exe", "\ud800", "💥" * 500, "x" * 60_000),
    *("0" * 40, "a" * 39, "A" * 40, "http://169.254.169.254/", "file:///etc/passwd", "../../etc", "a\r\nb: c"),
    *([], {}, [[]], [None] * 50, {"id": "1"}, {"id": None}, {"": {}}, [1, "a", {}]),
)
JUNK = (b"\x00", b"\xff\xfe", b'"', b"{", b"}", b"[", b"\\", b"\\u0000", b"\\ud83d", b"\xed\xa0\x80", b"1e999", b",")


def bent(body: bytes, chance: random.Random) -> bytes:
    """Bend a body in one to three ways, most often within its JSON."""
    if chance.random() < 0.2:
        return _bytes(body, chance)
    data = json.loads(body)
    for _ in range(chance.randint(1, 3)):
        _place(data, chance)
    made = json.dumps(data).encode("utf-8", "surrogatepass")
    return _deep(made, chance) if chance.random() < 0.03 else made


def _place(data: Any, chance: random.Random) -> None:
    """Walk to some place and change what stands there."""
    here = data
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(here[key], dict | list) and here[key] and chance.random() < 0.8:
            here = here[key]
            continue
        _change(here, key, chance)
        return


def _change(here: Any, key: Any, chance: random.Random) -> None:
    ways = (
        lambda: here.__setitem__(key, copy.deepcopy(chance.choice(HOSTILE))),
        lambda: here.__delitem__(key),
        lambda: here.__setitem__(key, [here[key]]),
        lambda: here.__setitem__(key, {"id": here[key]}),
        lambda: here.__setitem__(key, str(here[key])),
    )
    chance.choices(ways, weights=(6, 3, 1, 1, 1))[0]()


def _bytes(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body))
    ways = (
        lambda: body[:at],
        lambda: body[:at] + chance.choice(JUNK) + body[at:],
        lambda: body[:at] + chance.choice(JUNK) + body[at + 1 :],
        lambda: body[:at] + body[at + chance.randint(1, 60) :],
        lambda: body + body,
        lambda: b"\xef\xbb\xbf" + body,
    )
    return chance.choice(ways)()


def _deep(body: bytes, chance: random.Random) -> bytes:
    depth = chance.choice((100, 5_000, 50_000))
    return body[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"
