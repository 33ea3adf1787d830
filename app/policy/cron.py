"""Times of a schedule: five fields as cron has them, in a time zone, with its changes of the clock.

Source: POSIX crontab for the fields; a day fits if the day of the month or the day of the week does, when both
are given. A moment that the clock jumps over happens when it has jumped; one that comes twice happens once.
"""

import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo

NAMED = {
    "hourly": "0 * * * *",
    "nightly": "0 3 * * *",
    "daily": "0 12 * * *",
    "weekly": "0 3 * * 0",
    "monthly": "0 3 1 * *",
}
LONGEST = 100  # characters
HORIZON_DAYS = 366 * 8 + 2  # 29 February may be eight years away
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (  # name, least, most, names
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("day of the week", 0, 7, tuple(_DAYS)),
)


@dataclass(frozen=True, kw_only=True)
class Cron:
    """When something is due, by the clock of some zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either_day: bool  # one of the two kinds of day is enough

    def after(self, moment: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime | None:
        """Find the first time after a moment, in UTC; None if there is none within eight years."""
        day = moment.astimezone(zone).date() - datetime.timedelta(days=1)  # a jump may carry a time over midnight
        for _ in range(HORIZON_DAYS):
            if self._fits(day):
                for due in self._of(day, zone):
                    if due > moment:
                        return due
            day += datetime.timedelta(days=1)
        return None

    def _fits(self, day: datetime.date) -> bool:
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_month or by_week if self.either_day else by_month and by_week)

    def _of(self, day: datetime.date, zone: datetime.tzinfo) -> list[datetime.datetime]:
        """List the times of a day in UTC, in their order."""
        found = set()
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime.datetime.combine(day, datetime.time(hour, minute), zone)
                found.add(local.astimezone(datetime.UTC))  # fold 0: the first of two, and in a gap as far behind it
        return sorted(found)


def parse(text: str) -> Cron:
    """Read five fields, or one of the names.

    Raises:
        ValueError: it is neither; says which field is wrong.
    """
    fields = NAMED.get(text.strip(), text).lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"needs five fields (minute, hour, day, month, weekday) or one of {', '.join(NAMED)}")
    minutes, hours, days, months, weekdays = (_field(each, *_FIELDS[n]) for n, each in enumerate(fields))
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    if cron.after(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), datetime.UTC) is None:
        raise ValueError("there is no such day")
    return cron


def zone(name: str) -> datetime.tzinfo:
    """Find a time zone.

    Raises:
        ValueError: there is none of this name.
    """
    if name == "UTC":
        return datetime.UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"there is no time zone {name!r}; names are such as Europe/Berlin") from None


def _field(text: str, name: str, least: int, most: int, names: tuple[str, ...]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = least, most
        else:
            low = _number(first, name, least, most, names)
            high = _number(last, name, least, most, names) if dash else (most if step else low)
        every = _number(step, name, 1, most, ()) if step or part.endswith("/") else 1
        if low > high:
            raise ValueError(f"{name}: {span!r} runs backwards")
        found |= set(range(low, high + 1, every))
    return found


def _number(text: str, name: str, least: int, most: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + (1 if least == 1 else 0)
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:9]) <= most:
        raise ValueError(f"{name}: {text!r} is not a number from {least} to {most}")
    return int(text)
