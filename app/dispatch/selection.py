"""Choose targets by boards, tags, configurations and facts. Pure; an unknown name is an error, not an empty choice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from app.db.queries.boards import Target
from app.db.queries.offers import Offer
from app.errors import Invalid

SHOWN = 20  # names in a message


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a request asks for; an empty part asks for all."""

    boards: tuple[str, ...] = ()  # names of board types, or of single boards
    types: tuple[str, ...] = ()  # names of board types only
    tags: tuple[str, ...] = ()  # all of these; `-tag`: not this one
    configurations: tuple[str, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the builder: for each, one of the words

    def __bool__(self) -> bool:
        return bool(self.boards or self.types or self.tags or self.configurations or self.facts)


@dataclass(frozen=True)
class Chosen:
    """A target, the one board it must run on if a board was named, and what its builder must be."""

    target: Target
    board: str | None = None
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Unknown(Invalid):
    """A part of a choice names what nobody offers."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part  # boards, types, tags, configurations, or the name of a fact


def select(offers: Sequence[Offer], wanted: Selection) -> list[Chosen]:
    """Pick the targets that fit, each once.

    Raises:
        Unknown: a name that nobody offers.
        Invalid: a choice that fits nothing.
    """
    _check(offers, wanted)
    found: dict[tuple[str, str], Chosen] = {}
    for offer in offers:
        if _fits(offer, wanted):
            target = Target(offer.board_type, offer.configuration, offer.tags)
            chosen = Chosen(target, _pinned(offer, wanted), wanted.facts)
            found.setdefault((offer.board_type, offer.configuration), chosen)
    if wanted and not found:
        raise Invalid("Nothing that is offered fits all of these boards, tags and configurations together.")
    return list(found.values())


def _check(offers: Sequence[Offer], wanted: Selection) -> None:
    names = {name for each in offers for name in (each.board_type, each.board)}
    tags = [tag.removeprefix("-") for tag in wanted.tags]
    _known("boards", "board", wanted.boards, names)
    _known("types", "board type", wanted.types, {each.board_type for each in offers})
    _known("configurations", "configuration", wanted.configurations, {each.configuration for each in offers})
    _known("tags", "tag", tags, {tag for each in offers for tag in each.tags})
    for fact, words in wanted.facts.items():
        _known(fact, f"builder whose {fact} is", words, {each.facts[fact] for each in offers if fact in each.facts})


def _pinned(offer: Offer, wanted: Selection) -> str | None:
    """Name the board if it was asked for by its own name, which says more than its type."""
    by_type = not wanted.boards or offer.board_type in wanted.boards
    return None if by_type else offer.board


def _fits(offer: Offer, wanted: Selection) -> bool:
    return (
        (not wanted.types or offer.board_type in wanted.types)
        and (not wanted.boards or offer.board_type in wanted.boards or offer.board in wanted.boards)
        and (not wanted.configurations or offer.configuration in wanted.configurations)
        and all((tag[1:] not in offer.tags) if tag.startswith("-") else (tag in offer.tags) for tag in wanted.tags)
        and all(offer.facts.get(fact) in words for fact, words in wanted.facts.items())
    )


def _known(part: str, kind: str, names: Iterable[str], valid: set[str]) -> None:
    for name in names:
        if name not in valid:
            near = get_close_matches(name, valid, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(valid)[:SHOWN]) or "none"
            raise Unknown(part, f"There is no {kind} {name!r}.{hint} Known: {known}.")
