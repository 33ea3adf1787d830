"""Figures beside their targets, and beside the same load on Buildbot: one table for people."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass

HEAD = ("what", "measured", "target", "", "Buildbot 4.3.0*", "ratio")
NOTE = (
    "* Buildbot 4.3.0, measured on such a host: SQLite, GitHub hook, four one-slot workers, loopback.\n"
    "  A ratio says how many times better Rigline is. CPU is the kernel's user + system time of whole processes."
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number."""

    what: str
    value: float
    unit: str
    target: float | None = None
    more_is_better: bool = False
    buildbot: float | None = None

    @property
    def missed(self) -> bool:
        """Say whether there is a target which this figure fails."""
        worse = operator.lt if self.more_is_better else operator.gt
        return self.target is not None and bool(worse(self.value, self.target))

    def row(self) -> tuple[str, ...]:
        """Write the cells of the table."""
        sign = "≥" if self.more_is_better else "≤"
        target = "" if self.target is None else f"{sign} {_amount(self.target)} {self.unit}"
        verdict = "" if self.target is None else "missed" if self.missed else "met"
        peer = "" if self.buildbot is None else f"{_amount(self.buildbot)} {self.unit}"
        return self.what, f"{_amount(self.value)} {self.unit}", target, verdict, peer, self._ratio()

    def _ratio(self) -> str:
        if self.buildbot is None:
            return ""
        better = (self.value, self.buildbot) if self.more_is_better else (self.buildbot, self.value)
        return f"{better[0] / better[1]:.1f}×" if better[1] else ""


def table(sections: Iterable[tuple[str, list[Figure]]]) -> str:
    """Write all figures as a Markdown table, a heading row per benchmark."""
    rows: list[tuple[str, ...]] = [HEAD]
    for title, figures in sections:
        rows += [(f"**{title}**", *[""] * 5), *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:], "", NOTE])


def _amount(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
