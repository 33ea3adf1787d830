"""What stands in our one comment on a pull request. Names and reasons in it were written by anybody.

The verdict comes first, and at most `VISIBLE` lines are seen before something is unfolded.
"""

import hashlib
import hmac
from collections.abc import Sequence

from app.history.verdict import Verdict
from app.history.verdicts import WORST
from app.reporting import comment_jobs, verdict_markdown, verdict_words
from app.reporting.comment_jobs import SIGNS, link
from app.reporting.comment_view import Against, CommentView, Shown
from app.reporting.verdict_markdown import LONGEST
from app.reporting.wording import SHORT_SHA, WORDS, Facts, clip, code, description
from app.states import JobState, pipeline_state

VISIBLE = 12  # lines, those that unfold something among them
MOST_ERRORS = 2  # lines that say why nothing was run
MOST_EARLIER = 5  # commits below it
MARK_DIGITS = 24
_VERDICT_SIGNS = {Verdict.REGRESSED: "▲", Verdict.FAILED: "❌", Verdict.IMPROVED: "▼", Verdict.UNDECIDED: "◌"}


def mark(secret: str, repository: int, number: int) -> str:
    """Name our comment on a pull request, in a way that readers do not see and nobody could write before us."""
    about = f"comment on {repository}#{number}".encode()
    return f"<!-- rigline {hmac.new(secret.encode(), about, hashlib.sha256).hexdigest()[:MARK_DIGITS]} -->"


def text(view: CommentView) -> str:
    """Write the whole comment, in Markdown, of at most `LONGEST` characters."""
    above = [_heading(view), "  \n".join(_about(view)), _approval(view)]
    tables, earlier = comment_jobs.tables(view), _earlier(view)
    folded = bool(view.against) + bool(earlier)
    room = VISIBLE - sum(each.count("\n") + 1 for each in above if each) - folded
    is_open = not view.against and _height(tables) <= room
    if is_open:
        parts = [*above, tables]
    else:
        lines = _lines(view, room - 1)
        parts = [*above, "\n".join(f"- {each}" for each in lines), _fold(_all_jobs(view), tables)]
    length = sum(len(each) + 2 for each in (view.mark, *parts, earlier))
    return "\n\n".join(part for part in (view.mark, *parts, _rows(view, LONGEST - length), earlier) if part) + "\n"


def _height(tables: str) -> int:
    """Count the lines that are seen of tables: the dashes below a head are none."""
    return sum(bool(line) and not line.startswith("|---") for line in tables.splitlines())


def _heading(view: CommentView) -> str:
    states = [each.state for each in view.jobs]
    counts = {state.value: states.count(state) for state in JobState if state in states}
    facts = Facts(state=pipeline_state(states), counts=counts, commit=view.commit)
    if facts.state is JobState.AWAITING_APPROVAL:
        return f"### {SIGNS[facts.state]} Rigline: awaiting approval"
    if not view.jobs:
        return f"### {SIGNS[facts.state]} Rigline: nothing was run"
    said = view.against[0].view if view.against else None
    if said is None or said.verdict is None:
        return f"### {SIGNS[facts.state]} Rigline: {description(facts)}"
    verdict = verdict_words.headline(said)
    if facts.state is JobState.PASSED:
        return f"### {_VERDICT_SIGNS.get(said.verdict, SIGNS[JobState.PASSED])} Rigline: {verdict}"
    return f"### {SIGNS[facts.state]} Rigline: {verdict}; {description(facts)}"


def _about(view: CommentView) -> list[str]:
    links = [link(view, f"pipelines/{each.line.id}", f"pipeline {each.line.id}") for each in view.current]
    parts = [f"Commit {code(view.commit[:SHORT_SHA])}", ", ".join(links)]
    if view.against:
        first = view.against[0]
        parts[0] += f" against {verdict_markdown.baseline(first.view)}"
        mean = verdict_words.mean(first.view.ratio, first.view.in_mean)
        parts[1:1] = [each for each in (mean, f"[all numbers]({first.page})") if each]
    lines = [" · ".join(parts)]
    if view.is_outdated:
        lines.append(f"**Outdated**: the head of this pull request is now {code((view.head or '')[:SHORT_SHA])}.")
    errors = [f"Nothing was run: {code(clip(each.error, 500))}" for each in view.current if each.error]
    return lines + _few(errors, MOST_ERRORS)


def _approval(view: CommentView) -> str:
    """Give the line that approves. It is no line of its own: what we write is never a command."""
    waiting = any(each.state is JobState.AWAITING_APPROVAL for each in view.jobs)
    if not waiting or view.is_outdated:
        return ""
    return (
        "Nothing of this commit has run on a board: somebody who may write to this repository has to read it first. "
        f"Who has read exactly this commit lets it run with the comment {code(f'{view.prefix} approve {view.commit}')}."
    )


def _lines(view: CommentView, room: int) -> list[str]:
    """Choose what is seen at once: jobs that went wrong, the worst rows, each board, other baselines."""
    notable = comment_jobs.notable(view)
    lines = _few(notable, room if not view.against else max(2, room // 3))
    if not view.against:
        return lines
    first, *others = view.against
    several = len(first.view.targets) > 1
    worst = [verdict_markdown.worst(each, with_target=several) for each in first.view.worst[:WORST]]
    worst = worst[: max(0, room - len(lines) - 1)]
    also = _few([_also(each) for each in others], 1)
    boards = [verdict_markdown.target_line(each) for each in first.view.targets]
    return [*lines, *worst, *_few(boards, room - len(lines) - len(worst) - len(also)), *also]


def _few(lines: Sequence[str], most: int) -> list[str]:
    """Keep at most so many lines; the last of them then counts the others."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"… and {len(lines) - most + 1} more"] if most > 0 else []


def _also(against: Against) -> str:
    found = against.view
    return f"Against {verdict_markdown.baseline(found)}: {verdict_words.headline(found)} ([numbers]({against.page}))"


def _all_jobs(view: CommentView) -> str:
    number = len(view.jobs)
    passed = sum(each.state is JobState.PASSED for each in view.jobs)
    return f"{'1 job' if number == 1 else f'{number} jobs'}, {passed} passed"


def _rows(view: CommentView, room: int) -> str:
    """Fold the rows of the first baseline, as many as there is room for."""
    if not view.against:
        return ""
    targets = view.against[0].view.targets
    total = sum(len(each.rows) + each.left_out for each in targets)
    title = f"{total:,} {'row' if total == 1 else 'rows'}: {verdict_words.counts(view.against[0].view.counts)}"
    around = len(_fold(title, "")) + 10
    return _fold(title, verdict_markdown.table(targets, room - around))


def _fold(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def _earlier(view: CommentView) -> str:
    if not view.earlier:
        return ""
    lines = [f"- {code(each.line.commit[:SHORT_SHA])}: {_summary(view, each)}" for each in view.earlier[:MOST_EARLIER]]
    return _fold("Earlier commits, outdated", "\n".join(lines))


def _summary(view: CommentView, shown: Shown) -> str:
    return link(view, f"pipelines/{shown.line.id}", WORDS[shown.state])
