"""Speak with a Rigline service: the public API over HTTP or its Unix socket. Base install only."""

from app.client.client import Client
from app.client.connection import API
from app.client.events import Event, parse_events
from app.client.place import DEFAULT_SERVER, SOCKET_NAME, Json, Place, Refused
from app.client.work import (
    Job,
    Pipeline,
    Unfinished,
    by_finish,
    dispatch_build,
    dispatch_run,
    fetch_jobs,
    fetch_results,
    wait,
)
from app.errors import Unreachable

__all__ = [
    "API",
    "DEFAULT_SERVER",
    "SOCKET_NAME",
    "Client",
    "Event",
    "Job",
    "Json",
    "Pipeline",
    "Place",
    "Refused",
    "Unfinished",
    "Unreachable",
    "by_finish",
    "dispatch_build",
    "dispatch_run",
    "fetch_jobs",
    "fetch_results",
    "parse_events",
    "wait",
]
