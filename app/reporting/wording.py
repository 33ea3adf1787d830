"""Every sentence that Rigline says on a commit. The forge's adapter shortens what is too long.

What stands in the comment of a pull request is in `comment_text`.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from app.states import ENDED, JobState
from integrations.forge import StatusState

MAX_DESCRIPTION = 140  # characters: the least that a forge allows
SHORT_SHA = 10
_AWAITING = "Awaiting approval of"
_USED_UP = "maximum number of statuses"  # GitHub takes a thousand for one commit and context
_SPACES = re.compile(r"\s+")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}  # controls, marks of direction, surrogates: no text needs them
WORDS = {
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
    waits: str = ""  # what a queued job waits for, when its board is away
    commit: str = ""


def status_state(state: JobState, *, skipped_as: str = "pending") -> StatusState:
    """Say a state as a commit status does; what was skipped for a board that was away, as its repository wants it."""
    if state is JobState.SKIPPED and skipped_as == "success":
        return StatusState.SUCCESS
    return _STATES[state]


def description(facts: Facts) -> str:
    """Say in a line how a pipeline stands."""
    return clip(plain(_sentence(facts)), MAX_DESCRIPTION)


def of_job(state: JobState, reason: str, commit: str) -> str:
    """Say in a line how one target stands."""
    match state:
        case JobState.AWAITING_APPROVAL:
            text = _awaiting(commit)
        case JobState.SKIPPED:
            text = _with("Nothing was measured", reason)
        case JobState.PASSED | JobState.LEASED | JobState.RUNNING:
            text = WORDS[state].capitalize()
        case _:
            text = _with(WORDS[state].capitalize(), reason)
    return clip(plain(text), MAX_DESCRIPTION)


def asks_for_approval(description: str) -> bool:
    """Tell whether a description that was sent asks a person to do something."""
    return description.startswith(_AWAITING)


def plain(text: str) -> str:
    """Make one line of a text that anybody wrote: no control characters, nothing that turns its direction."""
    seen = "".join(" " if each in "\n\t\r" else each for each in text)
    shown = "".join(each for each in seen if unicodedata.category(each) not in _HIDDEN)
    return _SPACES.sub(" ", shown).strip()


def clip(text: str, most: int) -> str:
    """Shorten a composed text to a number of characters, with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def context(kind: str) -> str:
    """Name a pipeline's status. Branch protections rely on these names: they change only with a migration note."""
    return f"rigline/{kind}"


def context_of(name: str, board_type: str, configuration: str) -> str:
    """Name the status of one target, below its pipeline's."""
    return "/".join(plain(part) for part in (name, board_type, configuration))


def check_summary(text: str, page: str) -> str:
    """Say in a check's own page where the rest is."""
    return f"{code(text)}\n\n[Log, results and more]({page})"


def code(text: str) -> str:
    """Show a text that anybody wrote in Markdown so that it is nothing but text.

    Within code there are no mentions, links, HTML, references or quick actions; the pipe would end a cell.
    """
    shown = plain(text).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`" if shown else ""


def span(text: str) -> str:
    """Show a text that anybody wrote as `code` does, where there is no cell that a pipe could end."""
    shown = plain(text).replace("`", "'")
    return f"`{shown}`" if shown else ""


def is_used_up(reason: str) -> bool:
    """Tell whether a forge refuses a status only because it had so many of them: nobody can do anything about that."""
    return _USED_UP in reason


def status_refused(repository: str, reason: str) -> tuple[str, str]:
    """Say whose statuses a forge refuses, and what a person can do."""
    advice = "Look whether the token or App may write statuses there, and whether the repository still exists."
    return repository, f"The forge takes no commit status for {repository}: {reason}. {advice}"


def comment_refused(repository: str, number: int, reason: str) -> tuple[str, str]:
    """Say where a forge refuses comments, and what a person can do."""
    advice = "Look whether the token or App may write comments there, and whether the conversation is locked."
    return (
        f"{repository}#{number}",
        f"The forge takes no comment on pull request {number} of {repository}: {reason}. {advice}",
    )


def too_many(whose: str, unended: int) -> str:
    """Say that an outsider has enough that waits or runs."""
    return f"its {whose} has {unended} commits that wait or run, the most without a maintainer's approval"


def too_many_lately(whose: str, lately: int) -> str:
    """Say that an outsider brought enough within an hour."""
    return f"its {whose} brought {lately} commits within an hour, the most without a maintainer's approval"


def label_refused(repository: str, label: str, reason: str) -> tuple[str, str]:
    """Say which label a rule wants off and a forge leaves on, and what a person can do."""
    advice = "Take it off by hand, or it cannot be set again; look whether the token or App may write issues there."
    return f"{repository}: {label}", f"The forge does not take the label off in {repository}: {reason}. {advice}"


def schedule_refused(repository: str, rule: str, reason: str) -> tuple[str, str]:
    """Say which rule the clock could not run, and what a person can do."""
    advice = "This time was passed over. Look whether the token or App has its rights there."
    return f"{repository}: {rule}", f"Rule {rule} of {repository} could not be run by the clock: {reason}. {advice}"


def delivery_refused(forge: str, repository: str, kind: str, reason: str) -> tuple[str, str]:
    """Say for which deliveries a forge refuses what they need, and what a person can do."""
    advice = "Look whether the token or App has its rights there, then replay the delivery."
    return f"{forge} {repository}: {kind}", f"A {kind} of {repository} could not be handled: {reason}. {advice}"


def left_open(repository: str, name: str, commit: str) -> tuple[str, str]:
    """Say which status an earlier account of ours began and this one cannot end."""
    subject = f"{repository} {commit[:SHORT_SHA]} {name}"
    text = (
        f"Status {name} on commit {commit} of {repository} was begun by another account, and stays open on the forge "
        "beside the one that is shown now: GitLab lets only that account end it. Cancel its job in the pipeline's page."
    )
    return subject, text


def _sentence(facts: Facts) -> str:
    if facts.error and not facts.counts:
        return f"Nothing was run: {facts.error}"
    match facts.state:
        case JobState.AWAITING_APPROVAL:
            return _awaiting(facts.commit)
        case JobState.QUEUED:
            return _with(f"{_jobs(facts)} queued", facts.waits or facts.reason)
        case JobState.SKIPPED:
            return _with("Nothing was measured", facts.reason)
        case JobState.PASSED:
            return _counted(facts)
        case _:
            return _with(_counted(facts), facts.reason if facts.state in ENDED else facts.waits)


def _awaiting(commit: str) -> str:
    return f"{_AWAITING} {commit[:SHORT_SHA]}: a maintainer must look at this commit first"


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
        for state, word in WORDS.items()
        if state is not JobState.PASSED and facts.counts.get(state.value)
    ]
    return ", ".join([f"{passed} of {total} passed", *rest])
