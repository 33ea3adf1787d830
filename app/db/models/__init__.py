"""The tables. Invariants stand here as CHECKs and unique indexes, so that a wrong state cannot be stored."""

from sqlmodel import SQLModel

from app.db.models.columns import TIME, now
from app.db.models.forges import (
    Alert,
    Approval,
    Conversation,
    Delivery,
    Heard,
    Installation,
    PullRequest,
    Repository,
    RepositoryName,
    Schedule,
    Status,
    WebhookSecret,
)
from app.db.models.lab import Board, Builder, BuilderState, Configuration, Health, Service
from app.db.models.measured import Commit, Measurement, Result, Series
from app.db.models.people import Audit, Tally, Token, User
from app.db.models.work import (
    Artefact,
    ArtefactPiece,
    Attempt,
    AttemptBoard,
    Job,
    LogChunk,
    Pipeline,
    Priority,
    Trigger,
    Turn,
)

__all__ = [
    "TIME",
    "Alert",
    "Approval",
    "Artefact",
    "ArtefactPiece",
    "Attempt",
    "AttemptBoard",
    "Audit",
    "Board",
    "Builder",
    "BuilderState",
    "Commit",
    "Configuration",
    "Conversation",
    "Delivery",
    "Health",
    "Heard",
    "Installation",
    "Job",
    "LogChunk",
    "Measurement",
    "Pipeline",
    "Priority",
    "PullRequest",
    "Repository",
    "RepositoryName",
    "Result",
    "SQLModel",
    "Schedule",
    "Series",
    "Service",
    "Status",
    "Tally",
    "Token",
    "Trigger",
    "Turn",
    "User",
    "WebhookSecret",
    "now",
]
