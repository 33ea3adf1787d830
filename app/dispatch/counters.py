"""What the operator may want an alarm on, counted for the whole service: `/metrics` of any web process says it."""

import threading
from collections import Counter

from app.db.queries import tallies
from app.db.queries.tallies import Tally
from app.deps import Deps

_lock = threading.Lock()
_counted: Counter[tuple[Tally, str]] = Counter()  # by this process, and not written down yet: a handful of kinds


def count(tally: Tally, kind: str, times: int = 1) -> None:
    """Count something; from any thread. It is written down by the next `keep`."""
    with _lock:
        _counted[tally, kind] += times


async def keep(deps: Deps) -> None:
    """Write down what was counted since the last time. A process that dies in between loses the counts of one pass."""
    with _lock:
        new = dict(_counted)
        _counted.clear()
    if new:
        async with deps.begin() as db:
            await tallies.add(db, new)
