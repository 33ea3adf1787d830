"""Every sentence that Rigline says on a forge. The forge's adapter shortens what is too long."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.states import ENDED, JobState
from integrations.forge import StatusState

MAX_DESCRIPTION = 140  # characters: the least that a forge allows
SHORT_SHA = 10
_WORDS = {
    JobState.PASSED: "passed",
    JobState.FAILED: "failed",
    JobState.ERRORED: "errored",
    JobState.TIMED_OUT: "timed out",
    JobState.CANCELLED: "cancelled",
    JobState.SKIPPED: "skipped",
    JobState.RUNNING: "running",
    JobState.LEASED: "starting",
    JobState.QUEUED: "queued",
    JobState.AWAITING_APPROVAL: "awaiting approval",
}
_STATES = {
    JobState.AWAITING_APPROVAL: StatusState.PENDING,
    JobState.QUEUED: StatusState.PENDING,
    JobState.LEASED: StatusState.RUNNING,
    JobState.RUNNING: StatusState.RUNNING,
    JobState.PASSED: StatusState.SUCCESS,
    JobState.FAILED: StatusState.FAILURE,
    JobState.ERRORED: StatusState.ERROR,
    JobState.TIMED_OUT: StatusState.ERROR,
    JobState.CANCELLED: StatusState.CANCELLED,
    JobState.SKIPPED: StatusState.SKIPPED,
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a status is made of."""

    state: JobState  # of the pipeline
    counts: Mapping[str, int]  # state → number of jobs
    error: str | None = None  # why nothing could be planned
    reason: str = ""  # of the worst job, or why it waits
    commit: str = ""


def status_state(state: JobState) -> StatusState:
    """Say a pipeline's state as a commit status does."""
    return _STATES[state]


def description(facts: Facts) -> str:
    """Say in a line how a pipeline stands."""
    text = _sentence(facts)
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1].rstrip()}…"


def _sentence(facts: Facts) -> str:
    if facts.error and not facts.counts:
        return f"Nothing was run: {facts.error}"
    match facts.state:
        case JobState.AWAITING_APPROVAL:
            return f"Awaiting approval of {facts.commit[:SHORT_SHA]}: a maintainer must look at this commit first"
        case JobState.QUEUED:
            return _with(f"{_jobs(facts)} queued", facts.reason)
        case JobState.SKIPPED:
            return _with("Nothing was measured", facts.reason)
        case JobState.PASSED:
            return _counted(facts)
        case _:
            return _with(_counted(facts), facts.reason if facts.state in ENDED else "")


def _with(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


def _jobs(facts: Facts) -> str:
    number = sum(facts.counts.values())
    return "1 job" if number == 1 else f"{number} jobs"


def _counted(facts: Facts) -> str:
    """Count, the passed ones first: `3 of 4 passed, 1 timed out`."""
    total, passed = sum(facts.counts.values()), facts.counts.get(JobState.PASSED.value, 0)
    rest = [
        f"{facts.counts[state.value]} {word}"
        for state, word in _WORDS.items()
        if state is not JobState.PASSED and facts.counts.get(state.value)
    ]
    return ", ".join([f"{passed} of {total} passed", *rest])
