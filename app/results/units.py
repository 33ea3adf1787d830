"""Which direction is better, as far as a unit says it. Pure."""

import re
from functools import lru_cache

_PER_SECOND = re.compile(
    r"(?:fps|rps|qps|tps|ops|[kmgt]?hz|[kmgt]?bps|[kmgt]?ips|[kmgt]?flops|[kmgt]?flop/s|bogo.?ops)", re.IGNORECASE
)
_SECOND = {"s", "sec", "secs", "second", "seconds", "ms", "us", "µs", "μs", "ns", "min", "minute", "h", "hour"}
_COST = re.compile(
    r"""(?: [pnuµμm]?s | secs? | min | h | (?:(?:pico|nano|micro|milli)?second|minute|hour|day)s?  # time
        | (?:[kmgt]i?)?b | (?:kilo|kibi|mega|mebi|giga|gibi)?bytes? | [kmgt]?bits?               # size
        | [kmg]?cycles? | clocks? | ticks? | [kmg]?instructions? | insns? | allocs? | allocations? | blocks?
        | counts? | faults? | pages? | misses | (?:[\w-]+[ -])?(?:miss|error|fault)(?:es|s)?
        | errors? | failures? | [mµμun]?j | joules? | [mµμun]?wh? | watts?                         # energy
        )""",
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=1000)
def better_for(unit: str) -> str | None:
    """Say which direction is better for values of a unit: "lower", "higher", or None where the unit does not say.

    Times, sizes, cycles, counts and energy cost something; what is done per second is wanted.
    `ns/op` and `B/op` cost as their first part does.
    """
    unit = unit.strip().lower().replace(" per ", "/")
    first, slash, rest = unit.rpartition("/")
    if slash:
        if rest.strip() in _SECOND:
            return "higher"
        return better_for(first) if first else None
    if _PER_SECOND.fullmatch(unit):
        return "higher"
    return "lower" if _COST.fullmatch(unit) else None
