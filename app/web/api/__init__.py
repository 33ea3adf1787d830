"""The public API under /api/v1: one module per noun, each operation declared once."""

from app.web import sse
from app.web.api import (
    artefacts,
    boards,
    builders,
    caps,
    comparisons,
    connections,
    deliveries,
    dispatching,
    isolation,
    job_files,
    jobs,
    login,
    pipelines,
    policies,
    recipes,
    repositories,
    series,
    tokens,
    users,
    webhook_secrets,
)
from app.web.api.described import described
from app.web.api.operations import api

__all__ = [
    "api",
    "artefacts",
    "boards",
    "builders",
    "caps",
    "comparisons",
    "connections",
    "deliveries",
    "described",
    "dispatching",
    "isolation",
    "job_files",
    "jobs",
    "login",
    "pipelines",
    "policies",
    "recipes",
    "repositories",
    "series",
    "sse",
    "tokens",
    "users",
    "webhook_secrets",
]
