"""The states of a job and the only legal moves between them. Pure; the database checks the same names."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is. A terminal state never changes again."""

    AWAITING_APPROVAL = "awaiting_approval"  # a commit that nobody has trusted yet
    QUEUED = "queued"  # waits for a builder that has the board
    LEASED = "leased"  # handed to a builder that has not accepted yet
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"  # the commit's fault: a build or run script said no
    ERRORED = "errored"  # ours: infrastructure, configuration
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # neutral: nothing was measured and nobody is to blame


UNRUN = frozenset({JobState.ERRORED, JobState.TIMED_OUT, JobState.CANCELLED, JobState.SKIPPED})
ENDED = frozenset({JobState.PASSED, JobState.FAILED}) | UNRUN
OPEN = frozenset(JobState) - ENDED
HELD = frozenset({JobState.LEASED, JobState.RUNNING})  # an attempt is open

MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.AWAITING_APPROVAL: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.QUEUED: frozenset({JobState.LEASED}) | UNRUN,
    JobState.LEASED: frozenset({JobState.RUNNING, JobState.QUEUED}) | ENDED,
    JobState.RUNNING: frozenset({JobState.QUEUED}) | ENDED,  # QUEUED: the lease was lost and retries remain
}

# The worst news first: a pipeline is what its worst job is, once all have ended.
_WORST_FIRST = (
    JobState.FAILED,
    JobState.ERRORED,
    JobState.TIMED_OUT,
    JobState.CANCELLED,
    JobState.PASSED,
)


def sources(new: JobState) -> list[JobState]:
    """List the states from which a job may move to the new one."""
    return [old for old, reachable in MOVES.items() if new in reachable]


def pipeline_state(jobs: list[JobState]) -> JobState:
    """Derive a pipeline's state from its jobs that were not replaced by a retry.

    While any job is open the pipeline is, in this order, running, awaiting approval or queued. All
    skipped is skipped; skipped beside passed is passed. No job at all is errored: nothing was planned.
    """
    found = set(jobs)
    if found & HELD or (JobState.QUEUED in found and found & ENDED):
        return JobState.RUNNING
    for waiting in (JobState.AWAITING_APPROVAL, JobState.QUEUED):
        if waiting in found:
            return waiting
    for state in _WORST_FIRST:
        if state in found:
            return state
    return JobState.SKIPPED if found else JobState.ERRORED
