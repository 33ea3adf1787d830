"""Many metrics judged at once: fresh pairs for suspects, and corrections for how many were looked at. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.history.arrays import Floats, np
from app.history.paired import DEFAULT, Samples, judge
from app.history.verdict import SAME_BINARY, Finding, Metric, Rule, Verdict

SUSPECT_P = 0.1  # how suspects are picked costs pairs, never errors: they are judged on fresh pairs
CHANGED = frozenset({Verdict.REGRESSED, Verdict.IMPROVED})
JUDGED = frozenset({*CHANGED, Verdict.UNCHANGED, Verdict.UNDECIDED})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric of one benchmark with its pairs of (base, head), in the order they were measured."""

    metric: Metric
    pairs: Sequence[tuple[Samples, Samples]]
    same_binary: bool = False


def judge_all(rows: Sequence[Row], rule: Rule = DEFAULT) -> list[Finding]:
    """Judge every metric of one comparison; call it at each look, as `judge`.

    From `rule.screen_from` rows on the first 8 pairs only say which rows are suspect. Those are judged on the later
    pairs alone, so that the corrections count suspects and not everything; the others can only be proved unchanged.

    Returns:
        A finding for each row. `fails` is set only here.
    """
    if len(rows) < rule.screen_from:
        return corrected([judge(row.pairs, row.metric, rule, same_binary=row.same_binary) for row in rows], rule)
    screened = rule.looks[0]
    first = [judge(row.pairs[:screened], row.metric, rule, same_binary=row.same_binary) for row in rows]
    suspect = [is_suspect(finding, rule) for finding in first]
    later = [
        judge(row.pairs[screened:], row.metric, rule, same_binary=row.same_binary)
        if len(row.pairs) > screened
        else finding
        for row, finding in zip(rows, first, strict=True)
    ]
    return corrected(
        [
            finding if suspected or finding.verdict not in CHANGED else replace(finding, verdict=Verdict.UNDECIDED)
            for finding, suspected in zip(later, suspect, strict=True)
        ],
        rule,
        suspect,
    )


def is_suspect(finding: Finding, rule: Rule = DEFAULT) -> bool:
    """Say whether a row that was screened deserves more pairs."""
    if finding.verdict not in JUDGED or finding.p is None:
        return False
    large = finding.change is None or abs(finding.change) >= rule.floor
    return finding.p <= SUSPECT_P or (large and finding.p < 1)


def corrected(findings: Sequence[Finding], rule: Rule = DEFAULT, family: Sequence[bool] | None = None) -> list[Finding]:
    """Take back what is not certain among so many, and mark what fails a status.

    A change stays on the list while the false discovery rate of the list is at most `rule.list_rate` (Benjamini and
    Hochberg); a regression fails a status while the chance of any false one is at most `rule.status_alpha` (Holm).
    Both count the p of every judged row of the family, times the number of looks.
    """
    chosen = [number for number, each in enumerate(findings) if _counts(each) and (family is None or family[number])]
    paid = np.array([min(1.0, (findings[number].p or 0.0) * len(rule.looks)) for number in chosen])
    listed, failing = benjamini_hochberg(paid), holm(paid)
    made = list(findings)
    for number, discovery, error in zip(chosen, listed, failing, strict=True):
        made[number] = _corrected(findings[number], discovery, error, rule)
    return made


def _counts(finding: Finding) -> bool:
    """Pass over what was not interleaved: it has no pairs, and never fails a status."""
    return finding.verdict in JUDGED and finding.p is not None and finding.pairs > 0 and finding.note != SAME_BINARY


def _corrected(finding: Finding, discovery: float, error: float, rule: Rule) -> Finding:
    if finding.verdict in CHANGED and discovery > rule.list_rate:
        return replace(finding, verdict=Verdict.UNDECIDED, adjusted=discovery)
    fails = finding.verdict is Verdict.REGRESSED and error <= rule.status_alpha
    return replace(finding, adjusted=discovery, fails=fails)


def benjamini_hochberg(chances: "Sequence[float] | Floats") -> list[float]:
    """Adjust p-values so that those ≤ q are a list with at most a share q of false discoveries.

    Source:
        Benjamini and Hochberg, JRSS B 57 (1995): p·m/rank, made monotone from the largest down.
    """
    p = np.asarray(chances, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    ranks = np.arange(len(p), 0, -1)
    made = np.empty(len(p))
    made[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * len(p) / ranks))
    return made.tolist()


def holm(chances: "Sequence[float] | Floats") -> list[float]:
    """Adjust p-values so that with those ≤ α the chance of any false one is at most α.

    Source:
        Holm, Scand. J. Statist. 6 (1979): p·(m − rank + 1), made monotone from the smallest up.
    """
    p = np.asarray(chances, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    made = np.empty(len(p))
    made[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return made.tolist()
