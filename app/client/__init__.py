"""Speak with a Rigline service: the public API over HTTP or its Unix socket. Base install only."""

from app.client.client import Client
from app.client.connection import API
from app.client.events import Event, parse_events
from app.client.place import DEFAULT_SERVER, SOCKET_NAME, Json, Place, Refused
from app.errors import Unreachable

__all__ = [
    "API",
    "DEFAULT_SERVER",
    "SOCKET_NAME",
    "Client",
    "Event",
    "Json",
    "Place",
    "Refused",
    "Unreachable",
    "parse_events",
]
