"""Which commits of a benchmark page are looked at, in which order, and the links to others."""

from app.history.arrays import np
from app.results.curves import History
from app.web.pages.asked import Asked

SHA = 8  # characters of a hash in a query string: enough to tell the commits of a chart apart
ZOOMS = (500, 200, 50)  # latest commits

Window = tuple[int, int]  # positions, both included


def window(history: History, asked: Asked) -> Window:
    """Find the commits that `from` and `to` name by the beginnings of hashes; what is not there bounds nothing."""
    last = max(0, len(history.commits) - 1)
    ends = [_position(history, asked.one(name)) for name in ("from", "to")]
    low, high = ends[0] if ends[0] is not None else 0, ends[1] if ends[1] is not None else last
    return min(low, high), max(low, high)


def _position(history: History, sha: str | None) -> int | None:
    if sha is None:
        return None
    return next((number for number, each in enumerate(history.commits) if each.sha.startswith(sha)), None)


def order(history: History, of: Window, asked: Asked) -> list[int]:
    """Order the commits of the window: the newest first, or by the values of one series (`a`, `-a`)."""
    positions = list(range(of[1], of[0] - 1, -1)) if history.commits else []
    sort = asked.one("sort") or ""
    number = ord(sort.removeprefix("-")) - ord("a") if len(sort.removeprefix("-")) == 1 else -1
    if sort == "oldest":
        return positions[::-1]
    if not 0 <= number < len(history.curves):
        return positions
    values = history.curves[number].values
    measured = [each for each in positions if not np.isnan(values[each])]
    measured.sort(key=lambda each: float(values[each]), reverse=sort.startswith("-"))
    return measured + [each for each in positions if np.isnan(values[each])]


def zooms(history: History, at: Window, asked: Asked) -> list[tuple[str, str, bool]]:
    """Link to other windows, as (words, address, whether it is this one): all, the latest some, the neighbours."""
    last = len(history.commits) - 1
    found = [("all", _link(asked, None, None), at == (0, last))]
    for latest in ZOOMS:
        if latest <= last:
            first = last + 1 - latest
            found.append((f"last {latest}", _link(asked, _sha(history, first), None), at == (first, last)))
    width = at[1] - at[0] + 1
    older, newer = max(0, at[0] - width), min(last + 1 - width, at[0] + width)
    for words, first in (("← older", older), ("newer →", newer)):
        if first != at[0]:
            found.append((words, _link(asked, _sha(history, first), _sha(history, first + width - 1)), False))
    return found


def _sha(history: History, position: int) -> str:
    return history.commits[position].sha[:SHA]


def _link(asked: Asked, first: str | None, last: str | None) -> str:
    return asked.link(**{"from": first, "to": last, "rows": None})
