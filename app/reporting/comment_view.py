"""What our one comment on a pull request knows: pipelines with their jobs, and what was compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.queries.conversations import JobLine, PipelineLine
from app.history.verdict import Verdict
from app.history.verdicts import Verdicts
from app.states import JobState, pipeline_state

PREFIX = "/rig"
_MATTERS = {
    JobState.AWAITING_APPROVAL,
    JobState.FAILED,
    JobState.ERRORED,
    JobState.TIMED_OUT,
    JobState.SKIPPED,
}
_NEWS = {Verdict.REGRESSED, Verdict.IMPROVED, Verdict.FAILED}


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
class Against:
    """The commit held against one baseline, and the address of the page that shows it."""

    view: Verdicts
    page: str


@dataclass(frozen=True, kw_only=True)
class CommentView:
    """All that a comment says."""

    mark: str  # by which we know our own comment again
    public_url: str
    head: str | None  # of the pull request now, if it is known
    commit: str  # that the table is about
    current: tuple[Shown, ...]  # its pipelines, the newest first
    earlier: tuple[Shown, ...]  # of other commits, one each, the newest first
    against: tuple[Against, ...] = ()  # the baseline that counts first
    prefix: str = PREFIX  # of commands

    @property
    def is_outdated(self) -> bool:
        """Tell whether the pull request has moved on from what was run."""
        return self.head is not None and self.head != self.commit

    @property
    def jobs(self) -> list[JobLine]:
        """List the jobs of all current pipelines."""
        return [job for shown in self.current for job in shown.jobs]


def matters(state: JobState) -> bool:
    """Tell whether somebody should look at a job in this state."""
    return state in _MATTERS


def is_wanted(view: CommentView) -> bool:
    """Tell whether a pull request without our comment should get one: each pipeline has a say, by its rule's style."""
    return any(_asks_for_comment(each, view) for each in view.current)


def _asks_for_comment(shown: Shown, view: CommentView) -> bool:
    line = shown.line
    if line.is_command or line.is_refused:
        return True
    if line.comment_style == "changes":
        return matters(shown.state) or _is_news(line.id, view)
    return line.comment_style == "always"


def _is_news(pipeline_id: int, view: CommentView) -> bool:
    """Tell whether a comparison of the pipeline found a certain change."""
    targets = [each for against in view.against for each in against.view.targets]
    return any(each.verdict in _NEWS for each in targets if each.pipeline_id == pipeline_id)


def grouped(lines: Sequence[PipelineLine], jobs: Sequence[JobLine]) -> list[Shown]:
    """Put the jobs to their pipelines."""
    return [Shown(line=each, jobs=tuple(job for job in jobs if job.pipeline_id == each.id)) for each in lines]
