"""Filters as links: each value leads to the same view with it chosen, or not chosen any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.web.pages.asked import Asked

LABELS = {
    "branch": "Branch",
    "board_type": "Board",
    "configuration": "Configuration",
    "metric": "Metric",
    "unit": "Unit",
    "verdict": "Verdict",
    "magnitude": "Size",
    "target": "Board",
    "state": "State",
    "since": "Opened",
    "requested_by": "Asked for by",
    "repository": "Repository",
}
AT_ONCE = 8  # values that are shown at once; the others unfold


@dataclass(frozen=True, kw_only=True)
class Option:
    """One value of a facet."""

    value: str
    label: str
    href: str
    on: bool


@dataclass(frozen=True, kw_only=True)
class Facet:
    """One filter with its values, those that are chosen first."""

    name: str
    label: str
    options: tuple[Option, ...]
    clear: str | None  # the link to all values; None: nothing is chosen

    @property
    def first(self) -> tuple[Option, ...]:
        """Give the values that are shown at once."""
        return self.options[: max(AT_ONCE, sum(each.on for each in self.options))]

    @property
    def rest(self) -> tuple[Option, ...]:
        """Give the values that unfold."""
        return self.options[len(self.first) :]


def facets(
    asked: Asked,
    choices: Mapping[str, Sequence[str]],
    chosen: Mapping[str, Sequence[str]],
    *,
    single: Sequence[str] = (),
    every: Mapping[str, str] | None = None,
    forget: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    least: int = 2,
) -> list[Facet]:
    """Make the facets that leave a choice.

    Args:
        single: facets of which one value is chosen at a time.
        every: what stands in the query string for all values, where nothing means something else.
        forget: what the links leave out, as places in the list that was.
        labels: how a value is called, if not by itself.
        least: a facet with fewer values, none of them chosen, is left out.
    """
    found = []
    for name, values in choices.items():
        on = [each for each in chosen.get(name, []) if each in values]
        if len(values) < least and not on:
            continue
        gone = dict.fromkeys(forget)
        ordered = sorted(values, key=lambda each: each not in on) if len(values) > AT_ONCE else values
        options = [
            Option(
                value=value,
                label=(labels or {}).get(value, value),
                href=asked.link(**{name: _toggled(on, value, single=name in single), **gone}),
                on=value in on,
            )
            for value in ordered
            if value
        ]
        clear = asked.link(**{name: (every or {}).get(name), **gone}) if on else None
        found.append(Facet(name=name, label=LABELS.get(name, name), options=tuple(options), clear=clear))
    return found


def _toggled(on: Sequence[str], value: str, *, single: bool) -> list[str]:
    if value in on:
        return [each for each in on if each != value]
    return [value] if single else [*on, value]
