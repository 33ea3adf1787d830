"""Where the pages of a repository are. Names are anybody's text: each is quoted here once."""

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote

from app.web.pages.asked import written


class Named(Protocol):
    """What belongs to a repository."""

    @property
    def forge(self) -> str:
        """Give the forge."""
        ...

    @property
    def full_name(self) -> str:
        """Give the repository's full name."""
        ...


def home(of: Named) -> str:
    """Lead to the overview of a repository."""
    return f"/{of.forge}/{quote(of.full_name)}"


def history(of: Named, **filters: str | Sequence[str]) -> str:
    """Lead to the list of its series, or to one benchmark and metric."""
    pairs = [
        (name, each)
        for name, value in filters.items()
        for each in ([value] if isinstance(value, str) else value)
        if each
    ]
    return f"{home(of)}/history" + (f"?{written(pairs)}" if pairs else "")


def compare(of: Named, base: str, head: str) -> str:
    """Lead to the comparison of two commits."""
    return f"{home(of)}/compare/{quote(base)}...{quote(head)}"


def pull(of: Named, number: int) -> str:
    """Lead to a pull request."""
    return f"{home(of)}/pulls/{number}"


def alert(of: Named, shift_id: int) -> str:
    """Lead to one alert of a shift."""
    return f"{home(of)}/alerts/{shift_id}"
