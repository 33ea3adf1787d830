"""Words of the API that answers and questions share."""

from typing import Literal, TypeAlias

JobState: TypeAlias = Literal[
    "awaiting_approval",
    "queued",
    "leased",
    "running",
    "passed",
    "failed",
    "errored",
    "timed_out",
    "cancelled",
    "skipped",
]
Kind: TypeAlias = Literal["build", "run", "health"]
WorkKind: TypeAlias = Literal["build", "run"]
Trigger: TypeAlias = Literal["push", "pull_request", "dispatch", "merge_group", "schedule", "command", "health"]
Priority: TypeAlias = Literal["release", "branch", "pull_request", "nightly"]
Phase: TypeAlias = Literal["fetch", "build", "run", "collect"]
Stage: TypeAlias = Literal["pending", "running", "done", "never"]
Health: TypeAlias = Literal["unknown", "good", "bad", "quarantined", "maintenance"]
BuilderState: TypeAlias = Literal["active", "paused", "draining", "retired"]
Triage: TypeAlias = Literal[
    "new", "acknowledged", "expected", "noise", "infrastructure", "fixed", "wont_fix", "recovered"
]
Better: TypeAlias = Literal["lower", "higher"]
