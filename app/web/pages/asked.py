"""The query string as the state of a view: every link of a page is the same view with one thing changed."""

from collections.abc import Sequence
from urllib.parse import quote

from quart import request

from app.web.pages.answer import LONGEST_TEXT

MOST_VALUES = 20  # of one name
Pairs = list[tuple[str, str]]


class Asked:
    """What a page was asked for, by name, in the order of the query string; unknown names are left out."""

    def __init__(self, names: Sequence[str], given: Sequence[tuple[str, str]]) -> None:
        self.names = tuple(names)
        self.pairs: Pairs = [(name, _clean(value)) for name, value in given if name in names and _clean(value)]

    @classmethod
    def of_request(cls, names: Sequence[str]) -> "Asked":
        """Read the query string of the request."""
        values = [(name, value) for name in request.args for value in request.args.getlist(name)[:MOST_VALUES]]
        return cls(names, values)

    def all(self, name: str) -> list[str]:
        """Give every value of a name, once each."""
        return list(dict.fromkeys(value for key, value in self.pairs if key == name))

    def one(self, name: str) -> str | None:
        """Give the first value of a name."""
        return next(iter(self.all(name)), None)

    def link(self, **changes: str | int | Sequence[str] | None) -> str:
        """Write the same query string with some names set anew, or taken out by None or an empty list."""
        kept = [pair for pair in self.pairs if pair[0] not in changes]
        for name, value in changes.items():
            values = [value] if isinstance(value, str | int) else value or []
            kept += [(name, str(each)) for each in values]
        order = {name: number for number, name in enumerate(self.names)}
        kept.sort(key=lambda pair: order.get(pair[0], len(order)))
        return "?" + written(kept)

    def toggled(self, name: str, value: str) -> str:
        """Write the query string with one value of a name added, or taken out if it is there."""
        values = self.all(name)
        rest = [each for each in values if each != value]
        return self.link(**{name: rest if value in values else [*values, value]})


def written(pairs: Sequence[tuple[str, str]]) -> str:
    """Write a query string; what it does not need to escape stays readable."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='/,:')}" for name, value in pairs)


def _clean(value: str) -> str:
    return value.replace("\0", "").strip()[:LONGEST_TEXT]
