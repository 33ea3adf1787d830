"""The code that makes who sees the service's terminal, or may read its data directory, the first admin.

`rigline serve` writes it where it keeps its data, as long as there is no user; the page of the first visit asks for
it. Whoever else reaches the port cannot know it.
"""

import base64
import hmac
import os
import secrets
from pathlib import Path

NAME = "first-visit-code"
BYTES = 10  # 16 letters and digits
GROUP = 4  # characters between two dashes


def file_of(data_dir: Path) -> Path:
    """Say where the code is."""
    return data_dir / NAME


def make(data_dir: Path) -> str:
    """Make a code, in a file that only the account of the service reads; an earlier one counts no more."""
    text = base64.b32encode(secrets.token_bytes(BYTES)).decode()
    code = "-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))
    forget(data_dir)
    with open(os.open(file_of(data_dir), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{code}\n")
    return code


def is_code(data_dir: Path, given: str) -> bool:
    """Tell whether somebody knows the code; dashes, spaces and small letters do not matter."""
    try:
        kept = _plain(file_of(data_dir).read_text())
    except OSError:
        return False
    return bool(kept) and hmac.compare_digest(kept.encode(), _plain(given).encode())


def forget(data_dir: Path) -> None:
    """Remove it: there is a first user."""
    file_of(data_dir).unlink(missing_ok=True)


def _plain(code: str) -> str:
    return "".join(each for each in code.upper() if each.isalnum())
