"""Where the service is, and what it may answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

DEFAULT_SERVER = "http://127.0.0.1:8000"
SOCKET_NAME = "rigline.sock"

Json = dict[str, Any]


class Refused(Exception):
    """The service said no: with an HTTP status and one of the stable codes of docs/reference/errors.md."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the service is, and as whom to ask."""

    server: str | None = None  # its address over HTTP
    socket: Path | None = None  # goes before the address
    token: str | None = None

    @classmethod
    def chosen(cls, server: str | None, socket: Path | None, token: str | None, data_dir: Path) -> Self:
        """Take what was given, else the socket below the data directory if there is one, else the usual address."""
        if server is None and socket is None:
            near = data_dir / SOCKET_NAME
            return cls(socket=near, token=token) if near.is_socket() else cls(server=DEFAULT_SERVER, token=token)
        return cls(server=server, socket=socket, token=token)

    @property
    def base_url(self) -> str:
        """Name the address that requests start with."""
        return (self.server or "http://rigline").rstrip("/")

    def __str__(self) -> str:
        return self.base_url if self.socket is None else f"the socket {self.socket}"
