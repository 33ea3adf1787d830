"""What stands in our one comment on a pull request. Names and reasons in it were written by anybody."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from app.db.queries.conversations import JobLine, PipelineLine
from app.reporting.wording import SHORT_SHA, WORDS, Facts, clip, code, description
from app.states import JobState, pipeline_state

MOST_ROWS = 50  # jobs in the table
MOST_EARLIER = 5  # commits below it
MARK_DIGITS = 24
CELL = 140  # characters of a reason
PREFIX = "/rig"
_SIGNS = {
    JobState.PASSED: "✅",
    JobState.FAILED: "❌",
    JobState.ERRORED: "⚠️",
    JobState.TIMED_OUT: "⏱️",
    JobState.CANCELLED: "🚫",
    JobState.SKIPPED: "➖",
    JobState.RUNNING: "🏃",
    JobState.LEASED: "🏃",
    JobState.QUEUED: "⏳",
    JobState.AWAITING_APPROVAL: "🔒",
}
_MATTERS = {
    JobState.AWAITING_APPROVAL,
    JobState.FAILED,
    JobState.ERRORED,
    JobState.TIMED_OUT,
    JobState.SKIPPED,
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One pipeline with its jobs."""

    line: PipelineLine
    jobs: tuple[JobLine, ...]

    @property
    def error(self) -> str:
        """Say why nothing was planned; empty if something was."""
        return "" if self.jobs else self.line.error or "nothing was planned"

    @property
    def state(self) -> JobState:
        """Derive the pipeline's state from its jobs."""
        return pipeline_state([each.state for each in self.jobs])


@dataclass(frozen=True, kw_only=True)
class CommentView:
    """All that a comment says."""

    mark: str  # by which we know our own comment again
    public_url: str
    head: str | None  # of the pull request now, if it is known
    commit: str  # that the table is about
    current: tuple[Shown, ...]  # its pipelines, the newest first
    earlier: tuple[Shown, ...]  # of other commits, one each, the newest first
    prefix: str = PREFIX  # of commands

    @property
    def is_outdated(self) -> bool:
        """Tell whether the pull request has moved on from what was run."""
        return self.head is not None and self.head != self.commit


def is_wanted(view: CommentView) -> bool:
    """Tell whether a pull request without our comment should get one: each pipeline has a say, by its rule's style."""
    return any(_asks_for_comment(each) for each in view.current)


def _asks_for_comment(shown: Shown) -> bool:
    line = shown.line
    if line.is_command or line.is_refused:
        return True
    if line.comment_style == "changes":
        return shown.state in _MATTERS
    return line.comment_style == "always"


def mark(secret: str, repository: int, number: int) -> str:
    """Name our comment on a pull request, in a way that readers do not see and nobody could write before us."""
    about = f"comment on {repository}#{number}".encode()
    return f"<!-- rigline {hmac.new(secret.encode(), about, hashlib.sha256).hexdigest()[:MARK_DIGITS]} -->"


def text(view: CommentView) -> str:
    """Write the whole comment, in Markdown."""
    parts = [view.mark, _heading(view), _about(view), _approval(view), _tables(view), _earlier(view)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(view: CommentView) -> str:
    jobs = [each for shown in view.current for each in shown.jobs]
    states = [each.state for each in jobs]
    counts = {state.value: states.count(state) for state in JobState if state in states}
    facts = Facts(state=pipeline_state(states), counts=counts, commit=view.commit)
    if facts.state is JobState.AWAITING_APPROVAL:
        return f"### {_SIGNS[facts.state]} Rigline: awaiting approval"
    if not jobs:
        return f"### {_SIGNS[facts.state]} Rigline: nothing was run"
    return f"### {_SIGNS[facts.state]} Rigline: {description(facts)}"


def _about(view: CommentView) -> str:
    links = ", ".join(_link(view, f"pipelines/{each.line.id}", f"pipeline {each.line.id}") for each in view.current)
    lines = [f"Commit {code(view.commit[:SHORT_SHA])} · {links}"]
    if view.is_outdated:
        lines.append(f"**Outdated**: the head of this pull request is now {code((view.head or '')[:SHORT_SHA])}.")
    lines += [f"Nothing was run: {code(clip(each.error, 500))}" for each in view.current if each.error]
    return "  \n".join(lines)


def _approval(view: CommentView) -> str:
    """Give the line that approves. It is no line of its own: what we write is never a command."""
    waiting = any(each.state is JobState.AWAITING_APPROVAL for shown in view.current for each in shown.jobs)
    if not waiting or view.is_outdated:
        return ""
    return (
        "Nothing of this commit has run on a board: somebody who may write to this repository has to read it first. "
        f"Who has read exactly this commit lets it run with the comment {code(f'{view.prefix} approve {view.commit}')}."
    )


def _tables(view: CommentView) -> str:
    """Write a table for each pipeline, as far as the rows go."""
    left, parts = MOST_ROWS, []
    for shown in view.current:
        if len(view.current) > 1:
            parts.append(f"**{_name(shown)}** · {_link(view, f'pipelines/{shown.line.id}', WORDS[shown.state])}")
        if shown.jobs:
            rows = [_row(view, each) for each in shown.jobs[:left]]
            parts.append("\n".join(["| Board | Configuration | Result | Time | |", "|---|---|---|---:|---|", *rows]))
            left -= len(rows)
        if shown.jobs and len(rows) < len(shown.jobs):
            parts.append(f"… and {len(shown.jobs) - len(rows)} more.")
    return "\n\n".join(parts)


def _name(shown: Shown) -> str:
    if shown.line.is_command:
        return f"{shown.line.kind.value.capitalize()}, asked for"
    return f"Rule {code(shown.line.rule)}" if shown.line.rule else shown.line.kind.value.capitalize()


def _row(view: CommentView, job: JobLine) -> str:
    result = f"{_SIGNS[job.state]} {_link(view, f'jobs/{job.id}', WORDS[job.state])}"
    has_reason = job.reason and job.state not in (JobState.PASSED, JobState.LEASED, JobState.RUNNING)
    reason = code(clip(job.reason, CELL)) if has_reason else ""
    return f"| {code(job.board_type)} | {code(job.configuration)} | {result} | {_time(job)} | {reason} |"


def _time(job: JobLine) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    seconds = max(0, round((job.ended_at - job.started_at).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _earlier(view: CommentView) -> str:
    if not view.earlier:
        return ""
    lines = [f"- {code(each.line.commit[:SHORT_SHA])}: {_summary(view, each)}" for each in view.earlier[:MOST_EARLIER]]
    return "\n".join(["<details><summary>Earlier commits, outdated</summary>", "", *lines, "", "</details>"])


def _summary(view: CommentView, shown: Shown) -> str:
    return _link(view, f"pipelines/{shown.line.id}", WORDS[shown.state])


def _link(view: CommentView, path: str, words: str) -> str:
    return f"[{words}]({view.public_url}/{path})"


def grouped(lines: Sequence[PipelineLine], jobs: Sequence[JobLine]) -> list[Shown]:
    """Put the jobs to their pipelines."""
    return [Shown(line=each, jobs=tuple(job for job in jobs if job.pipeline_id == each.id)) for each in lines]
