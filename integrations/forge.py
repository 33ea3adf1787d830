"""The protocol every forge fulfils, and the errors it may raise. One conformance suite runs over all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from integrations.events import Actor, Event


class Permission(IntEnum):
    """What an account may do in a repository, ordered."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


class StatusState(StrEnum):
    """What a commit status says, in our words; each forge maps it to its own."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"  # the commit's fault
    ERROR = "error"  # ours, or a time limit
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # neutral; where a forge has no such state it stays pending


TERMINAL = frozenset({StatusState.SUCCESS, StatusState.FAILURE, StatusState.ERROR, StatusState.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class CommitStatus:
    """One status of one commit under one context. Length limits of the forge are the adapter's business."""

    repository: int  # numeric id
    full_name: str
    commit: str
    context: str
    state: StatusState
    description: str
    target_url: str
    ref: str | None = None  # the branch, where a forge needs one (GitLab)
    pull_request: int | None = None
    source_repository: int | None = None  # the fork, where a forge shows its statuses (GitLab)
    memory: Mapping[str, Any] = field(default_factory=dict)  # what an earlier call for this status returned


@dataclass(frozen=True, kw_only=True)
class RepositoryFacts:
    """A repository as the forge describes it."""

    id: int
    full_name: str
    clone_url: str  # https, without credentials, below the configured base URL
    default_branch: str
    private: bool


class ForgeError(Exception):
    """A call to a forge, or a delivery from it, went wrong. Never holds a token or a whole body."""


class NotGenuine(ForgeError):
    """The delivery's signature or token is missing, malformed or wrong."""


class Malformed(ForgeError):
    """A genuine delivery that is not what its headers say: no event header, not JSON, not an object."""


class Transient(ForgeError):
    """Try again later: no answer, 5xx, or a rate limit."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds, when the forge said so


class Permanent(ForgeError):
    """Trying again cannot help: the right is missing, the thing is gone, the forge refuses the value."""


class Forge(Protocol):
    """One GitHub or GitLab instance. The pure half works on a delivery's bytes; the other half calls the forge."""

    name: str

    def authenticate(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check the raw bytes. Headers have lower-case names.

        Raises:
            NotGenuine: anything but a valid signature or token.
        """
        ...

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """Name the delivery, the same when the forge sends it again.

        Raises:
            Malformed: the header that names it is missing.
        """
        ...

    def kind(self, headers: Mapping[str, str]) -> str:
        """Name the event as the forge does.

        Raises:
            Malformed: the header is missing.
        """
        ...

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Pick the headers worth keeping: none of them is a secret."""
        ...

    def repository_of(self, body: bytes) -> int | None:
        """Read the numeric id of the repository a body speaks of, cheaply."""
        ...

    def parse(self, kind: str, body: bytes) -> Event | None:
        """Translate a delivery; None for one that leads to nothing.

        Raises:
            Malformed: not JSON, not an object, or a field we need is missing or of a wrong type.
        """
        ...

    async def set_status(self, status: CommitStatus) -> dict[str, Any]:
        """Show a status; return what the next call for the same status should know.

        Raises:
            Transient, Permanent.
        """
        ...

    async def permission(self, repository: RepositoryFacts, actor: Actor) -> Permission:
        """Ask live what an account may do. An account that is not the one with this id may do nothing.

        Raises:
            Transient, Permanent: unknown; the caller must assume nothing.
        """
        ...

    async def repository(self, full_name: str) -> RepositoryFacts:
        """Look a repository up by its name, as `repo add` does.

        Raises:
            Transient, Permanent.
        """
        ...

    def fetch_credentials(self) -> tuple[str, str] | None:
        """Give the user name and token with which a private repository is fetched, if there are any."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
