"""Hide secrets in a stream of bytes, also where they are cut in two or written as base64."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = b"[masked]"
MIN_SECRET = 6  # characters: masking shorter ones would blacken ordinary text
MIN_LINE = 8  # characters of one line of a secret of many lines


class Masker:
    """Replace secrets in chunks that arrive one after the other."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self.forms = sorted(forms, key=len, reverse=True)
        self.pattern = re.compile(b"|".join(re.escape(form) for form in self.forms)) if forms else None
        self.starts = {form[:1] for form in forms}
        self.held = b""
        self.places, self.size = 0, 0  # where something was hidden, and how many bytes it was

    def feed(self, data: bytes) -> bytes:
        """Take a chunk; return what is certain. The beginning of a secret is held back until it is decided."""
        if self.pattern is None:
            return data
        data = self.pattern.sub(self._hide, self.held + data)
        keep = self._undecided(data)
        self.held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def flush(self) -> bytes:
        """Return what was held back: nothing follows that could complete it."""
        rest, self.held = self.held, b""
        return rest

    def _hide(self, found: re.Match[bytes]) -> bytes:
        self.places += 1
        self.size += len(found[0])
        return MASK

    def _undecided(self, data: bytes) -> int:
        """Count the bytes at the end that are the beginning of a secret."""
        longest = len(self.forms[0]) - 1
        for count in range(min(longest, len(data)), 0, -1):
            end = data[-count:]
            if end[:1] in self.starts and any(form.startswith(end) for form in self.forms):
                return count
        return 0


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Hide secrets in one complete text."""
    masker = Masker(secrets)
    data = text.encode()
    return (masker.feed(data) + masker.flush()).decode(errors="replace")


def _forms(secret: str) -> set[bytes]:
    """List the ways a secret may be written."""
    if len(secret) < MIN_SECRET:
        return set()
    raw = secret.encode()
    lines = {line.strip().encode() for line in secret.splitlines() if len(line.strip()) >= MIN_LINE}
    escaped = {quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    return {raw} | lines | escaped | _base64(raw)


def _base64(raw: bytes) -> set[bytes]:
    """List what base64 makes of the secret, wherever in a longer text it stands.

    Three bytes become four characters, so there are three phases; characters that also depend on the
    neighbours are left out.
    """
    found = set()
    for phase in range(3):
        whole = base64.b64encode(b"\0" * phase + raw).rstrip(b"=")
        first = (0, 2, 3)[phase]
        last = len(whole) - (1 if (phase + len(raw)) % 3 else 0)
        if last - first >= MIN_SECRET:
            part = whole[first:last]
            found |= {part, part.translate(bytes.maketrans(b"+/", b"-_"))}
    return found | _wrapped(raw)


def _wrapped(raw: bytes) -> set[bytes]:
    """List the lines that common tools break the base64 of a long secret into (76: base64, 64: openssl, PEM)."""
    whole = base64.b64encode(raw)[:-4]  # what follows the secret changes its end
    lines = {whole[at : at + width] for width in (76, 64) for at in range(0, len(whole), width)}
    return {line for line in lines if len(line) >= MIN_LINE}
