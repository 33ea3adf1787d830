"""Units of one family are one unit: times from ns to s, sizes from B to GiB. Nothing else is ever converted. Pure.

A tool that writes µs where it wrote ns goes on with its series: the series keeps the unit it began with, and its
identity names seconds or bytes instead of the unit. kB, MB, minutes and hours stay as they are: kB is said of 1000
and of 1024 bytes, and nobody measures in hours what was measured in ns.
"""

from collections.abc import Iterable

_TIMES = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}  # both letters that look like µ
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_FAMILIES = ((_TIMES, "s"), (_SIZES, "B"))


def canonical(unit: str) -> str:
    """Name the unit that stands for the whole family; a unit of none stands for itself."""
    return next((name for family, name in _FAMILIES if unit in family), unit)


def converted(values: Iterable[float], unit: str, to: str) -> tuple[float, ...]:
    """Write values of one unit in another of its family.

    Each value is rounded once, to the nearest double: the factor or its inverse is a whole number.

    Raises:
        ValueError: the units are of no common family.
    """
    if unit == to:
        return tuple(values)
    family = next((family for family, _ in _FAMILIES if unit in family and to in family), None)
    if family is None:
        raise ValueError(f"{unit or 'a bare number'} cannot be written in {to or 'bare numbers'}")
    given, wanted = family[unit], family[to]
    if given >= wanted:
        return tuple(value * (given // wanted) for value in values)
    return tuple(value / (wanted // given) for value in values)
