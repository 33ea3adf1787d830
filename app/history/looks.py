"""When a comparison is looked at, and whether it needs more pairs. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from app.history.multiplicity import Row, is_suspect
from app.history.paired import LEAST_PAIRS, judge
from app.history.verdict import Finding, Rule, Verdict

DEFAULT = Rule()
MOST_PAIRS = DEFAULT.looks[-1]


def rule_for(pairs: int | None, *, beside: int = 1) -> Rule:
    """Give the rule for so many pairs at most: its looks end there, and share alpha among them.

    Args:
        pairs: None: as many as the rule of all has. Less than 8 could never decide anything, and counts as 8.
        beside: comparisons of the same commit, this one too, of which each may fail the commit: they share the chance
            of failing an unchanged one (Bonferroni).
    """
    rule = replace(DEFAULT, status_alpha=DEFAULT.status_alpha / max(1, beside))
    if pairs is None or pairs >= MOST_PAIRS:
        return rule
    most = max(pairs, LEAST_PAIRS)
    return replace(rule, looks=(*(look for look in rule.looks if look < most), most))


def more_pairs(rows: Sequence[Row], findings: Sequence[Finding], measured: int, rule: Rule) -> int:
    """Say how many pairs are to follow before the next look; 0 if enough is known, or no look is left.

    Args:
        rows: that have pairs, with what was found of each.
        measured: pairs so far.
    """
    following = next((look for look in rule.looks if look > measured), None)
    if following is None or all(row.same_binary for row in rows):
        return 0
    is_open = any(finding.verdict is Verdict.UNDECIDED for finding in _of_suspects(rows, findings, rule))
    return following - measured if is_open else 0


def _of_suspects(rows: Sequence[Row], findings: Sequence[Finding], rule: Rule) -> list[Finding]:
    """List the findings that are worth more pairs: where suspects are looked for first, theirs alone."""
    if len(rows) < rule.screen_from:
        return list(findings)
    screened = rule.looks[0]
    first = (judge(row.pairs[:screened], row.metric, rule, same_binary=row.same_binary) for row in rows)
    return [finding for finding, before in zip(findings, first, strict=True) if is_suspect(before, rule)]
