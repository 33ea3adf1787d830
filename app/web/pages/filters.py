"""How values look on a page, and where the links to a forge go."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import StrictUndefined

from app.history.amounts import amount, percent
from app.rights import roles_with
from app.web.pages import fresh
from app.web.same_origin import FormTokens, form_token

TEMPLATE_OPTIONS: dict[str, Any] = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "extensions": [FormTokens],
}
SHORT = 10  # characters of a hash: enough for a million commits
_SPANS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SIZES = ("bytes", "KiB", "MiB", "GiB", "TiB")
JUST_NOW_S = 5


def ago(at: datetime, now: datetime | None = None) -> str:
    """Say how long ago, in the largest unit: `3 min ago`. A moment ahead is `in 3 min`."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    if abs(seconds) < JUST_NOW_S:
        return "just now"
    size, unit = next((each for each in _SPANS if abs(seconds) >= each[0]), _SPANS[-1])
    span = f"{int(abs(seconds) // size)} {unit}"
    return f"{span} ago" if seconds > 0 else f"in {span}"


def for_how_long(at: datetime, now: datetime | None = None) -> str:
    """Say for how long, as `00:03:07`, or `2d 04:10:00`; a moment ahead is no time."""
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def short(sha: str) -> str:
    """Cut a commit's hash to what a person compares."""
    return sha[:SHORT]


def share(ratio: float | None) -> str:
    """Write a relative size without a sign, as of noise: 0.012 is `1.2 %`. None is a dash."""
    return percent(abs(ratio)).lstrip("+±").replace(" ", "\u00a0") if ratio is not None else "–"


def bytes_(size: float | None) -> str:
    """Write a size in the largest binary unit: `3.2 MiB`."""
    if size is None:
        return "–"
    value, step = float(size), 0
    while value >= 1024 and step < len(_SIZES) - 1:
        value, step = value / 1024, step + 1
    return f"{value:.0f} {_SIZES[step]}" if step == 0 or value >= 100 else f"{value:.1f} {_SIZES[step]}"


def duration(seconds: float | None) -> str:
    """Write a duration in at most two units: `840 ms`, `12.3 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def commit_address(forge: str, clone_url: str, sha: str) -> str | None:
    """Name the commit's page on its forge; None for a plain remote, or one that is not reached by the web."""
    if forge not in ("github", "gitlab") or not clone_url.startswith(("https://", "http://")):
        return None
    inner = "/-/commit/" if forge == "gitlab" else "/commit/"
    return clone_url.rstrip("/").removesuffix(".git") + inner + sha


def part(name: str) -> str:
    """Write a name as one part of a path, whatever it holds."""
    return quote(name, safe="")


def static_versions(folder: Path | str | None) -> dict[str, str]:
    """Hash the static files: an address with the hash changes with the content."""
    files = sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else []
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10] for file in files if file.is_file()}


FILTERS = {
    "ago": ago,
    "for_how_long": for_how_long,
    "short": short,
    "percent": percent,
    "share": share,
    "amount": amount,
    "bytes": bytes_,
    "duration": duration,
    "part": part,
}
GLOBALS: dict[str, Any] = {
    "commit_address": commit_address,
    "form_token": form_token,
    "is_partial": fresh.is_partial,
    "position": fresh.position,
    "roles_with": roles_with,
    "wants": fresh.wants,
}
