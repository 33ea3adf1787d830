"""How verdicts are said, everywhere: on pages, in comments, statuses and terminals. Plain text, no mark-up.

Certainty and size are two things and are said apart: "certainly worse" tells how sure it is, "by 4.9 %" how much.
Names in what is returned were written by anybody; who puts them into Markdown or HTML has to quote them.
"""

import math
from collections.abc import Mapping

from app.history.amounts import amount, percent
from app.history.verdict import Verdict
from app.history.verdicts import ComparedRow, ComparedTarget, Verdicts, Worst
from app.reporting.wording import MAX_DESCRIPTION, SHORT_SHA, clip, plain

WORDS: Mapping[Verdict, str] = {
    Verdict.REGRESSED: "regressed",
    Verdict.FAILED: "failed",
    Verdict.IMPROVED: "improved",
    Verdict.UNDECIDED: "undecided",
    Verdict.UNCHANGED: "unchanged",
    Verdict.NO_BASELINE: "without baseline",
    Verdict.ONCE: "measured once",
    Verdict.UNJUDGED: "not judged",
    Verdict.REMOVED: "removed",
    Verdict.NEW: "new",
    Verdict.SKIPPED: "skipped",
}
SIGNS: Mapping[Verdict, str] = {
    Verdict.REGRESSED: "▲",
    Verdict.FAILED: "✕",
    Verdict.IMPROVED: "▼",
    Verdict.UNDECIDED: "◌",
    Verdict.UNCHANGED: "=",
    Verdict.NO_BASELINE: "?",
    Verdict.ONCE: "1",
    Verdict.UNJUDGED: "?",
    Verdict.REMOVED: "−",
    Verdict.NEW: "+",
    Verdict.SKIPPED: "–",
}
CERTAINTY: Mapping[Verdict, str] = {
    Verdict.REGRESSED: "certainly worse",
    Verdict.FAILED: "failed",
    Verdict.IMPROVED: "certainly better",
    Verdict.UNDECIDED: "not certain",
    Verdict.UNCHANGED: "certainly no change that matters",
    Verdict.NO_BASELINE: "the base was not measured",
    Verdict.ONCE: "measured once: not judged",
    Verdict.UNJUDGED: "not judged",
    Verdict.REMOVED: "not measured any more",
    Verdict.NEW: "the base does not have it",
    Verdict.SKIPPED: "skipped",
}
EXPLAINED: Mapping[Verdict, str] = {
    Verdict.REGRESSED: "Its whole interval is on the worse side, and the change is large enough to matter.",
    Verdict.FAILED: "One of both sides says that it failed, so there is nothing to compare.",
    Verdict.IMPROVED: "Its whole interval is on the better side, and the change is large enough to matter.",
    Verdict.UNDECIDED: "The interval holds both a change and none. More pairs would decide.",
    Verdict.UNCHANGED: "The whole interval of the change lies inside of what does not matter.",
    Verdict.NO_BASELINE: "The base was not measured here, so no change can be named.",
    Verdict.ONCE: "There were no pairs, so the numbers are shown and not judged.",
    Verdict.UNJUDGED: "It is not known which way is worse, or the board is too noisy to tell.",
    Verdict.REMOVED: "The base was measured and has it; the head does not have it.",
    Verdict.NEW: "The head has it; the base was measured and does not have it.",
    Verdict.SKIPPED: "One of both sides says that it was skipped.",
}
NOTHING = "nothing compared yet"
_NAME_LIMIT = 120


def verdict(found: Verdict | None) -> str:
    """Say a verdict, or that there is none yet."""
    return NOTHING if found is None else WORDS[found]


def counts(counted: Mapping[Verdict, int]) -> str:
    """Count the states, the worst first: `2 regressed, 1 improved, 497 unchanged`."""
    return ", ".join(f"{number} {WORDS[each]}" for each, number in counted.items() if number) or NOTHING


def headline(view: Verdicts) -> str:
    """Say in a few words what the whole is: the verdict first, then all counts."""
    return _headline(view.verdict, view.counts, view.accepted)


def target_line(target: ComparedTarget) -> str:
    """Say the same of one target, with its mean and how much was measured."""
    parts = [_headline(target.verdict, target.counts, target.accepted), mean(target.ratio, target.in_mean)]
    return " · ".join(part for part in (*parts, measured(target)) if part)


def _headline(found: Verdict | None, counted: Mapping[Verdict, int], accepted: int) -> str:
    total = sum(counted.values())
    if found is None or not total:
        return NOTHING
    if list(counted) == [found]:
        text = f"all {total} {WORDS[found]}" if total > 1 else WORDS[found]
    elif found is Verdict.UNDECIDED:
        text = f"no certain change: {counts(counted)}"
    else:
        text = counts(counted)
    return f"{text} ({accepted} accepted)" if accepted else text


def mean(ratio: float | None, rows: int) -> str:
    """Say the geometric mean with its direction: `1.2 % worse on average of 500`. Empty without one."""
    if ratio is None or not math.isfinite(ratio) or rows < 2:
        return ""
    if abs(ratio - 1) < 0.00005:
        return f"no change on geometric average of {rows}"
    written = percent(ratio - 1 if ratio > 1 else 1 - ratio).lstrip("+")
    return f"{written} {'worse' if ratio > 1 else 'better'} on geometric average of {rows}"


def measured(target: ComparedTarget) -> str:
    """Say how much was measured: pairs, in turns or apart."""
    if target.same_binary:
        return "the same firmware"
    if not target.is_interleaved:
        return "measured apart"
    pairs = f"{target.pairs} {'pair' if target.pairs == 1 else 'pairs'}"
    return pairs if target.is_over else f"{pairs} so far"


def name(row: ComparedRow) -> str:
    """Name a row: benchmark, parameters, metric, in one line."""
    given = ", ".join(f"{key}={value}" for key, value in sorted(row.params.items()))
    text = f"{row.benchmark} [{given}] {row.metric}" if given else f"{row.benchmark} {row.metric}"
    return clip(plain(text), _NAME_LIMIT)


def change(row: ComparedRow) -> str:
    """Say the size: `+4.9 % (+3.1 % … +6.7 %)`, as measured. Empty where a change has no meaning."""
    if row.change is None:
        return ""
    return f"{percent(row.change)} ({interval(row)})" if interval(row) else percent(row.change)


def interval(row: ComparedRow) -> str:
    """Say between which changes the true one lies; empty if that is not known."""
    if row.low is None or row.high is None:
        return ""
    return f"{percent(row.low)} … {percent(row.high)}"


def values(row: ComparedRow) -> str:
    """Say both medians: `61 → 58 frames/s`."""
    unit = f" {plain(row.unit)}" if row.unit else ""
    return "" if row.base is None or row.head is None else f"{amount(row.base)} → {amount(row.head)}{unit}"


def certainty(row: ComparedRow) -> str:
    """Say how sure the verdict is, with its note and who accepted it."""
    parts = [CERTAINTY[row.verdict], plain(row.note)]
    if row.accepted is not None:
        parts.append(plain(row.accepted.why))
    return ", ".join(part for part in parts if part)


def worst(found: Worst, *, with_target: bool) -> str:
    """Say one of the worst rows in a line: what, how sure, how much."""
    where = f" on {plain(found.board_type)}/{plain(found.configuration)}" if with_target else ""
    return f"{name(found.row)}{where}: {CERTAINTY[found.row.verdict]}, {change(found.row)}"


def baseline(view: Verdicts) -> str:
    """Name the baseline with its hash and how it was found: `merge base with main, 1a2b3c4d5e`."""
    return f"{plain(view.base_why)}, {view.base[:SHORT_SHA]}" if view.base_why else view.base[:SHORT_SHA]


def description(view: Verdicts) -> str:
    """Say the whole in a status: what it is, then the worst row, as far as 140 characters go."""
    first = headline(view)
    if not view.worst:
        return clip(plain(first), MAX_DESCRIPTION)
    row = view.worst[0].row
    size = change(row) if len(first) + len(change(row)) + 20 <= MAX_DESCRIPTION else percent(row.change)
    room = MAX_DESCRIPTION - len(first) - len(size) - len("; : ")
    return clip(plain(f"{first}; {clip(name(row), max(room, 10))}: {size}"), MAX_DESCRIPTION)
