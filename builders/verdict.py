"""How a job ended, and what the end of a script means for it."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from builders.config import Limits
from builders.process import Cause, Ended
from builders.protocol import Outcome, Phase


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a job ended, in the words of the protocol."""

    outcome: Outcome
    reason: str = ""
    phase: Phase | None = None
    exit_code: int | None = None


class Over(Exception):
    """The job ends here."""

    def __init__(self, outcome: Outcome, reason: str, phase: Phase, exit_code: int | None = None) -> None:
        super().__init__(reason)
        self.verdict = Verdict(outcome=outcome, reason=reason, phase=phase, exit_code=exit_code)


def explain(ended: Ended, program: str, phase: Phase, limits: Limits) -> tuple[Outcome, str]:
    """Say what the end of a script means, as far as the script alone decides."""
    if ended.survived:
        return Outcome.ERRORED, f"infra:process the {phase} script cannot be killed"
    if ended.cause is Cause.EXITED:
        return (Outcome.PASSED, "") if ended.code == 0 else (Outcome.FAILED, f"{phase}: {_exit(ended.code)}")
    if ended.cause is Cause.UNSTARTABLE:
        said = f"infra:sandbox {ended.sandbox}" if ended.sandbox else f"config: {_unstartable(program, ended.errno)}"
        return Outcome.ERRORED, said
    limit = limits.build if phase is Phase.BUILD else limits.run
    return {
        Cause.NO_OUTPUT: (Outcome.TIMED_OUT, f"limit: no output of {phase} for {limits.no_output:g} s"),
        Cause.LIMIT: (Outcome.TIMED_OUT, f"limit: {phase} took longer than {limit:g} s"),
        Cause.CROWDED: (Outcome.FAILED, f"limit: {phase} started too many processes"),
        Cause.STOPPED: (Outcome.CANCELLED, f"cancel: asked for during {phase}"),
    }[ended.cause]


def _unstartable(program: str, number: int) -> str:
    match number:
        case errno.ENOENT:
            return f"the script {program} is missing, or the interpreter in its first line is"
        case errno.EACCES:
            return f"the script {program} is not executable: chmod +x it"
        case errno.ENOEXEC:
            return f"the script {program} has no #! line that says what runs it"
        case _:
            return f"the script {program} cannot be started: {errno.errorcode.get(number, number)}"


def _exit(code: int | None) -> str:
    if code is None:
        return "the script ended the process that watched it"
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def broken(problem: OSError, phase: Phase | None) -> Verdict:
    """Say what a fault of this machine means."""
    area = "infra:disk" if problem.errno in (errno.ENOSPC, errno.EDQUOT) else "infra:builder"
    return Verdict(outcome=Outcome.ERRORED, reason=f"{area} {problem}", phase=phase)
