"""Choose the targets of a rule's groups. Pure; what the rule names wrongly is said with its line in the file."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.queries.offers import Offer
from app.dispatch.selection import Chosen, Selection, Unknown, select
from app.errors import Invalid
from app.policy.rules import Filter, Group

MOST_JOBS = 1000  # of one pipeline


@dataclass(frozen=True)
class Grouped:
    """A chosen target and the group that chose it."""

    chosen: Chosen
    group: Group


def chosen(offered: Sequence[Offer], groups: Sequence[Group], file: str) -> tuple[list[Grouped], str | None]:
    """Pick the targets of each group, each once within its group; or say why the rule cannot be followed."""
    found: list[Grouped] = []
    for group in groups:
        for each in group.filters or (Filter(),):
            try:
                picked = select(offered, _selection(each))
            except Invalid as problem:
                return [], f"{_place(file, each, problem)}{problem.message}"[:1000]
            found += [Grouped(one, group) for one in picked if Grouped(one, group) not in found]
    if len(found) > MOST_JOBS:
        return [], f"{file}: the rule asks for {len(found)} jobs; {MOST_JOBS} are allowed"
    return found, None


def _selection(wanted: Filter) -> Selection:
    return Selection(
        boards=wanted.boards,
        types=wanted.types,
        tags=wanted.tags,
        configurations=wanted.configurations,
        facts=wanted.facts,
    )


def _place(file: str, wanted: Filter, problem: Invalid) -> str:
    """Name the file and line of the part that is at fault, or of the filter."""
    first = min(wanted.lines.values(), default=0)
    line = wanted.lines.get(problem.part, first) if isinstance(problem, Unknown) else first
    return f"{file}:{line}: " if line else ""
