"""Choose targets by boards, tags and configurations. Pure; an unknown name is an error, never an empty choice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from app.db.queries.boards import Target
from app.db.queries.offers import Offer
from app.errors import Invalid

SHOWN = 20  # names in a message


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a request asks for; an empty part asks for all."""

    boards: tuple[str, ...] = ()  # names of board types, or of single boards
    tags: tuple[str, ...] = ()  # all of these; `-tag`: not this one
    configurations: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.boards or self.tags or self.configurations)


@dataclass(frozen=True)
class Chosen:
    """A target, and the one board it must run on if a board was named."""

    target: Target
    board: str | None = None


def select(offers: Sequence[Offer], wanted: Selection) -> list[Chosen]:
    """Pick the targets that fit, each once.

    Raises:
        Invalid: a name that nobody offers, or a choice that fits nothing.
    """
    _known("board", wanted.boards, {name for each in offers for name in (each.board_type, each.board)})
    _known("configuration", wanted.configurations, {each.configuration for each in offers})
    _known("tag", [tag.removeprefix("-") for tag in wanted.tags], {tag for each in offers for tag in each.tags})
    found: dict[tuple[str, str], Chosen] = {}
    for offer in offers:
        if _fits(offer, wanted):
            target = Target(offer.board_type, offer.configuration, offer.tags)
            found.setdefault((offer.board_type, offer.configuration), Chosen(target, _pinned(offer, wanted)))
    if wanted and not found:
        raise Invalid("Nothing that is offered fits all of these boards, tags and configurations together.")
    return list(found.values())


def _pinned(offer: Offer, wanted: Selection) -> str | None:
    """Name the board if it was asked for by its own name, which says more than its type."""
    by_type = not wanted.boards or offer.board_type in wanted.boards
    return None if by_type else offer.board


def _fits(offer: Offer, wanted: Selection) -> bool:
    return (
        (not wanted.boards or offer.board_type in wanted.boards or offer.board in wanted.boards)
        and (not wanted.configurations or offer.configuration in wanted.configurations)
        and all((tag[1:] not in offer.tags) if tag.startswith("-") else (tag in offer.tags) for tag in wanted.tags)
    )


def _known(kind: str, names: Iterable[str], valid: set[str]) -> None:
    for name in names:
        if name not in valid:
            near = get_close_matches(name, valid, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(valid)[:SHOWN]) or "none"
            raise Invalid(f"There is no {kind} {name!r}.{hint} Known: {known}.")
