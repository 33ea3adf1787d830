"""When a forge may be called: it asks for silence, and some publish a pace. One silence for each credential."""

import time
from collections import OrderedDict
from typing import TypeVar

from integrations.forge import Transient

DEFAULT_PAUSE_S = 60.0  # when a limit names no time
MAX_PAUSE_S = 3600.0
KEYS = 10_000  # credentials remembered
READ, WRITE = 1, 5  # points, as GitHub counts
PER_MINUTE = 900  # points a minute that github.com allows
T = TypeVar("T")


class Limiter:
    """Silence and pace for each credential of a forge: one installation's limit holds up no other."""

    def __init__(self, forge: str, *, points_a_minute: float | None = None) -> None:
        self._forge = forge
        self._rate = None if points_a_minute is None else points_a_minute / 60
        self._silent_until: OrderedDict[str, float] = OrderedDict()  # on the monotonic clock
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()  # points in use, and when that was so

    def enter(self, key: str, points: int = READ) -> None:
        """Count a call.

        Raises:
            Transient: the forge asked for silence, or the call would be faster than its pace.
        """
        now = time.monotonic()
        silence = self._silent_until.get(key, 0.0) - now
        if silence > 0:
            raise Transient(f"{self._forge} asked for silence", retry_after=silence)
        if self._rate is not None:
            self._pace(key, points, now, self._rate)

    def hold(self, key: str, wait_s: float | None) -> Transient:
        """Be silent as long as the forge says, or as is advised; calling earlier prolongs the ban."""
        pause = min(max(wait_s if wait_s is not None else DEFAULT_PAUSE_S, 1.0), MAX_PAUSE_S)
        until = max(self._silent_until.get(key, 0.0), time.monotonic() + pause)
        _remember(self._silent_until, key, until)
        return Transient(f"{self._forge}'s rate limit is used up", retry_after=pause)

    def _pace(self, key: str, points: int, now: float, rate: float) -> None:
        """Let points of a minute go at once, and then as many as flow back."""
        used, when = self._used.get(key, (0.0, now))
        used = max(0.0, used - (now - when) * rate) + points
        if used > rate * 60:
            raise Transient(f"{self._forge}'s pace is reached", retry_after=(used - rate * 60) / rate)
        _remember(self._used, key, (used, now))


def _remember(kept: OrderedDict[str, T], key: str, value: T) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > KEYS:
        kept.popitem(last=False)
