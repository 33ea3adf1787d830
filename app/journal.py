"""Logs: one line per event, key–value, with ids; never a token, never a payload."""

import logging
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import structlog

IDS = (
    "delivery",
    "pipeline",
    "job",
    "attempt",
    "repository",
    "builder",
)  # what lines are found by; `attempt` is a lease


class LogFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"  # for people
    JSON = "json"  # one object a line, for machines


class LogLevel(StrEnum):
    """The least important lines that are written."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure(form: LogFormat = LogFormat.TEXT, level: LogLevel = LogLevel.INFO) -> None:
    """Send all logs of this process to stderr."""
    renderer = (
        structlog.processors.JSONRenderer()
        if form is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.name]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def about(ids: Mapping[str, Any] | None, **also: Any) -> None:
    """Put ids on every line that the task at hand writes from now on.

    Args:
        ids: parts of an address such as `job_id`; others than those of IDS are passed over.
        also: further ones by the name they have in the log.
    """
    known = {name: ids[f"{name}_id"] for name in IDS if f"{name}_id" in ids} if ids else {}
    structlog.contextvars.bind_contextvars(**known, **also)
