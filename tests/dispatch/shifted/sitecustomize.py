"""Put on PYTHONPATH, this moves a process' wall clock by RIGLINE_TEST_CLOCK_S seconds. Its monotonic clock stays."""

import datetime
import os
import time

SHIFT_S = float(os.environ.get("RIGLINE_TEST_CLOCK_S", "0"))
_true, _true_ns, _datetime = time.time, time.time_ns, datetime.datetime


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _datetime)


class _Shifted(_datetime, metaclass=_Kind):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        return _datetime.now(tz) + datetime.timedelta(seconds=SHIFT_S)


if SHIFT_S:
    time.time = lambda: _true() + SHIFT_S
    time.time_ns = lambda: _true_ns() + int(SHIFT_S * 1e9)
    datetime.datetime = _Shifted  # type: ignore[misc]
