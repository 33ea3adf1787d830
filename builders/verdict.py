"""How a job ended."""

from __future__ import annotations

from dataclasses import dataclass

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
