"""The jobs in our comment on a pull request: a table, or the few that somebody should look at."""

from app.db.queries.conversations import JobLine
from app.reporting.comment_view import CommentView, Shown, matters
from app.reporting.wording import WORDS, clip, code, span
from app.states import JobState

MOST_ROWS = 50  # in the table
CELL = 140  # characters of a reason
SIGNS = {
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


def tables(view: CommentView) -> str:
    """Write a table for each pipeline, as far as the rows go."""
    left, parts = MOST_ROWS, []
    for shown in view.current:
        if len(view.current) > 1:
            parts.append(f"**{_name(shown)}** · {link(view, f'pipelines/{shown.line.id}', WORDS[shown.state])}")
        if shown.jobs:
            rows = [_row(view, each) for each in shown.jobs[:left]]
            parts.append("\n".join(["| Board | Configuration | Result | Time | |", "|---|---|---|---:|---|", *rows]))
            left -= len(rows)
        if shown.jobs and len(rows) < len(shown.jobs):
            parts.append(f"… and {len(shown.jobs) - len(rows)} more.")
    return "\n\n".join(parts)


def notable(view: CommentView) -> list[str]:
    """Name the jobs that somebody should look at, a line each."""
    return [_line(view, each) for each in view.jobs if matters(each.state)]


def link(view: CommentView, path: str, words: str) -> str:
    """Link to a page of ours."""
    return f"[{words}]({view.public_url}/{path})"


def _line(view: CommentView, job: JobLine) -> str:
    where = span(f"{job.board_type}/{job.configuration}")
    reason = f": {span(clip(job.reason, CELL))}" if job.reason else ""
    return f"{SIGNS[job.state]} {where} {link(view, f'jobs/{job.id}', WORDS[job.state])}{reason}"


def _name(shown: Shown) -> str:
    if shown.line.is_command:
        return f"{shown.line.kind.value.capitalize()}, asked for"
    return f"Rule {code(shown.line.rule)}" if shown.line.rule else shown.line.kind.value.capitalize()


def _row(view: CommentView, job: JobLine) -> str:
    result = f"{SIGNS[job.state]} {link(view, f'jobs/{job.id}', WORDS[job.state])}"
    has_reason = job.reason and job.state not in (JobState.PASSED, JobState.LEASED, JobState.RUNNING)
    reason = code(clip(job.reason, CELL)) if has_reason else ""
    return f"| {code(job.board_type)} | {code(job.configuration)} | {result} | {_time(job)} | {reason} |"


def _time(job: JobLine) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    seconds = max(0, round((job.ended_at - job.started_at).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
