"""Every sentence of a reply to a comment. No line begins with a prefix; nothing that others wrote is mark-up here."""

from collections.abc import Sequence

from app.reporting.wording import clip, code

SHORT = 10  # digits of a commit
ROWS = 5  # that are named
NAMED = 80  # characters of a name that somebody gave


def not_allowed(verb: str, who: str) -> str:
    """Say that somebody may not do that."""
    return f"`{verb}` is for: {who}. The forge says that you are not among them, so nothing was done."


def not_approved(commit: str, prefix: str) -> str:
    """Say that the head has to be looked at first, with the line that then helps."""
    return (
        f"Nobody has approved {code(commit)} yet, so it cannot run. Somebody who may write has to look at the changes; "
        f"then the comment {code(f'{prefix} approve {commit}')} lets exactly this commit run."
    )


def closed() -> str:
    """Say that nothing is done here any more."""
    return "This pull request is closed, so nothing was done."


def gone(number: int) -> str:
    """Say that the forge does not know the pull request."""
    return f"The forge does not know pull request {number}, so nothing was done."


def over_quota(most: int) -> str:
    """Say that somebody asks for too much; said once an hour."""
    return f"That is more than {most} commands of yours within an hour. Nothing was done; try again later."


def wrong(problem: str) -> str:
    """Say what is wrong with a command."""
    return f"Nothing was done. {problem}"


def waiting() -> str:
    """Say that the forge does not answer."""
    return (
        "The forge does not answer at the moment, so nobody knows what you may do, and nothing was done yet. "
        "It is asked again for half a day."
    )


def refused() -> str:
    """Say that the forge refuses what we ask of it; the reason is for those who look after the service."""
    return (
        "The forge refuses what I have to ask before I can do that, so no more of it is done. "
        "Those who look after this service find the reason among its alerts."
    )


def other_head(given: str, head: str, prefix: str) -> str:
    """Say that an approval names another commit than the head."""
    return (
        f"{code(given)} is not the head of this pull request, so nothing was approved. The head is {code(head)}: "
        f"look at it, then {code(f'{prefix} approve {head}')}."
    )


def which_commit(head: str, prefix: str) -> str:
    """Say that an approval must name its commit."""
    return (
        f"Which commit did you look at? The head is {code(head)}: "
        f"if it is that one, {code(f'{prefix} approve {head}')}. "
        "Only in a review may the commit be left out."
    )


def head_moved(seen: str, head: str) -> str:
    """Say that a review looked at an older commit."""
    return (
        f"Your review is of {code(seen)}, and the head is {code(head)} now, so nothing was approved. "
        "Look at the new commits first."
    )


def unreachable(commit: str, branch: str) -> str:
    """Say that a commit may not run: it is neither ours nor approved."""
    return (
        f"{code(commit)} is neither the head of this pull request nor an approved commit of it "
        f"nor part of {code(branch)}. "
        "That it can be found in the repository is no proof: forks share its objects."
    )


def no_base(kind: str, name: str, branch: str) -> str:
    """Say that a base cannot be found."""
    if kind == "last":
        return f"Nothing was done: no commit of {code(branch)} has passed as a whole yet."
    if kind == "merge-base":
        return f"Nothing was done: the head shares no commit with {code(branch)}."
    return f"Nothing was done: there is no {kind} {code(name)} to compare with."


def too_much(targets: int, repeat: int, sides: int, most: int) -> str:
    """Say what a command would cost."""
    times = f" × {sides} commits" if sides > 1 else ""
    return (
        f"That would be {targets} targets × {repeat} repeats{times} = {targets * repeat * sides} runs; "
        f"at most {most} for one command. Choose fewer with `boards=`, `configs=`, `tags=` or `repeat=`."
    )


def no_board() -> str:
    """Say that nothing can run."""
    return "No board is registered, so nothing can run."


def rules_unusable(branch: str, problem: str) -> str:
    """Say that the rules at the base cannot be used, so that nobody knows what is meant."""
    return f"Nothing was done: the rules of {code(branch)} cannot be used. {code(problem)}"


def by_rules(branch: str, rules: list[str], jobs: int) -> str:
    """Say that a command without names covers what the rules do."""
    which = f"rule {code(rules[0])} of" if len(rules) == 1 else f"the rules {', '.join(map(code, rules))} of"
    return (
        f"As {which} {code(branch)}: {jobs} {'job' if jobs == 1 else 'jobs'}, with its groups. "
        "Name boards, configurations or tags to run exactly those instead."
    )


def too_much_by_rules(runs: int, most: int) -> str:
    """Say what the rules cost, and that it is too much for one command."""
    return f"Nothing was done. What the rules ask for is {runs} runs; one command may ask for {most}. Name some boards."


def comparing(head: str, base: str, why: str) -> str:
    """Say what is held against what."""
    return f"Comparing {code(head[:SHORT])} with {code(base[:SHORT])} ({why})."


def comparing_apart(head: str, base: str, why: str) -> str:
    """Say what is held against what, and that it can show a change but prove none."""
    return (
        f"{comparing(head, base, why)} Not by turns, as no builder of these targets can: each is measured in jobs of "
        "its own, which proves no change."
    )


def nothing_to(what: str) -> str:
    """Say that a command found nothing that it could mean."""
    return f"There is nothing to {what}."


def no_job(job_id: int) -> str:
    """Say that a job is not of this pull request."""
    return f"Job {job_id} is not one of this pull request."


def is_tried_again() -> str:
    """Say that a retry waits already."""
    return "What could be tried again is being tried already."


def job_state(job_id: int, state: str, url: str, waits: str = "") -> str:
    """Say how one job stands, and what it waits for."""
    return f"[Job {job_id}]({url}) is {state.replace('_', ' ')}" + (f": {code(waits)}." if waits else ".")


def waiting_jobs(waits: Sequence[tuple[int, str, str]], more: int) -> str:
    """Say of some queued jobs (id, address, reason) what they wait for, and how many more there are."""
    lines = [job_state(job_id, "queued", url, why) for job_id, url, why in waits]
    return "\n".join([*(f"- {line}" for line in lines), *([f"- {more} more are queued."] if more else [])])


def nothing_run(head: str) -> str:
    """Say that there is no status."""
    return f"Nothing was asked for {code(head[:SHORT])} yet."


def revoked(commits: int, jobs: int) -> str:
    """Say what a revocation did."""
    approvals, waiting = ("approval", "approvals")[commits != 1], ("job", "jobs")[jobs != 1]
    return f"{commits} {approvals} taken back, {jobs} waiting {waiting} cancelled."


def unknown(problem: str) -> str:
    """Say that a name is none of those that are offered."""
    return f"Nothing was done. {code(problem)}"


def why_accept(prefix: str) -> str:
    """Say that an acceptance needs a reason."""
    form = code(f"{prefix} accept the new filter costs that much")
    return f"Nothing was done. Say why: the reason is kept with the decision, as in {form}."


def no_regression(name: str, meant: str) -> str:
    """Say that a benchmark that was named has not regressed, and which one may have been meant."""
    text = f"Nothing was done: no regression of {code(clip(name, NAMED))} is waiting to be accepted."
    return f"{text} Did you mean {code(meant)}?" if meant else text


def accepted(head: str, rows: Sequence[tuple[str, str]]) -> str:
    """Say which regressions (name, change) were accepted; the rest of many are counted."""
    named = [f"{code(name)} {change}".strip() for name, change in rows[:ROWS]]
    more = [f"{len(rows) - ROWS} more"] if len(rows) > ROWS else []
    how_many = "1 regression" if len(rows) == 1 else f"{len(rows)} regressions"
    what = "It fails" if len(rows) == 1 else "They fail"
    return f"Accepted {how_many} of {code(head[:SHORT])}: {', '.join([*named, *more])}. {what} no status until grown."
