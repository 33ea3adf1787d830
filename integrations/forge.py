"""The protocol every forge fulfils, and the errors it may raise. One conformance suite runs over all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from integrations.events import Actor, Event


class Permission(IntEnum):
    """What an account may do in a repository, ordered."""

    NONE = 0
    READ = 1
    TRIAGE = 2  # issues and pull requests, but no code
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


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
    installation: int | None = None  # of our App, where it is what gives access


@dataclass(frozen=True, kw_only=True)
class PullRequestFacts:
    """A pull request as the forge describes it now."""

    number: int
    head: str
    head_branch: str
    base_branch: str
    base_commit: str
    title: str
    author: Actor
    from_fork: bool
    is_open: bool
    is_draft: bool
    fetch_ref: str
    source_repository: int | None = None
    labels: tuple[str, ...] = ()


class Reaction(StrEnum):
    """What a comment with commands gets before anything else."""

    SEEN = "eyes"
    REFUSED = "-1"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of GitHub's Checks: richer than a status, and only for Apps."""

    status: CommitStatus
    external_id: str  # job:ID or pipeline:ID, comes back when somebody asks for a re-run
    title: str
    summary: str  # Markdown, made by us
    annotations: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class FailedDelivery:
    """A webhook request that the forge could not bring to us."""

    id: int
    key: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class OwnSecrets:
    """The webhook secrets of one repository or installation. Where there are any, only they count."""

    secrets: tuple[str, ...] = ()
    signing_keys: tuple[str, ...] = ()  # GitLab's; where there are any, a secret alone proves nothing


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


class NotLetIn(Transient):
    """Our token or App is missing, refused or suspended: it heals when a person corrects that."""


class Permanent(ForgeError):
    """Trying again cannot help: the right is missing, the thing is gone, the forge refuses the value."""


class Forge(Protocol):
    """One GitHub or GitLab instance. The pure half works on a delivery's bytes; the other half calls the forge."""

    name: str

    def is_signed(self, headers: Mapping[str, str]) -> bool:
        """Tell whether there is anything that could prove where a delivery comes from, before its body is read."""
        ...

    def authenticate(self, headers: Mapping[str, str], body: bytes, own: OwnSecrets | None = None) -> None:
        """Check the raw bytes. Headers have lower-case names.

        Args:
            own: what counts instead of the secrets of the whole forge.
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
        """Read the numeric id of the repository a body speaks of, cheaply; its event speaks of no other.

        Raises:
            Malformed: not a JSON object.
        """
        ...

    def installation_of(self, body: bytes) -> int | None:
        """Read the numeric id of the installation of our App that a body speaks of; see `repository_of`."""
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

    async def account(self, login: str) -> Actor | None:
        """Look an account up by its login; None if there is none.

        Raises:
            Transient, Permanent.
        """
        ...

    async def repository(self, full_name: str) -> RepositoryFacts:
        """Look a repository up by its name, as `repo add` does.

        Raises:
            Transient, Permanent.
        """
        ...

    async def file(self, repository: RepositoryFacts, path: str, commit: str) -> bytes | None:
        """Read one file at a commit, at most 1 MiB; None if it is not there.

        Raises:
            Transient, Permanent.
        """
        ...

    async def branch_head(self, repository: RepositoryFacts, branch: str) -> str | None:
        """Ask which commit a branch is at; None if there is no such branch."""
        ...

    async def branches(self, repository: RepositoryFacts) -> list[tuple[str, str]]:
        """List branches with their commits, at most 300."""
        ...

    async def committed_at(self, repository: RepositoryFacts, commit: str) -> datetime | None:
        """Ask when a commit was made, by the clock of who made it; None if there is none."""
        ...

    async def tag_commit(self, repository: RepositoryFacts, tag: str) -> str | None:
        """Ask which commit a tag names, also through an annotated one."""
        ...

    async def pull_request(self, repository: RepositoryFacts, number: int) -> PullRequestFacts | None:
        """Ask how a pull request is now; None if there is none."""
        ...

    async def open_pull_requests(self, repository: RepositoryFacts) -> list[PullRequestFacts]:
        """List those that are open, the newest first, at most 300."""
        ...

    async def merge_base(self, repository: RepositoryFacts, base: str, head: str) -> str | None:
        """Find the commit where head left base; None if they share none."""
        ...

    async def between(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """List the commits after base up to head along first parents, the oldest first.

        None if base is not on that line, or there are more than `lineage.MOST_COMMITS`.
        """
        ...

    async def contains(self, repository: RepositoryFacts, branch: str, commit: str) -> bool:
        """Tell whether a commit is reachable from a branch of the repository itself.

        A commit that merely can be found is no proof: forks share their objects with the repository.
        """
        ...

    async def changed_paths(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """List the paths that differ, at most 3,000; None if the forge does not tell them all."""
        ...

    async def comment(self, repository: RepositoryFacts, number: int, text: str) -> int:
        """Write a comment on a pull request; return its id."""
        ...

    async def edit_comment(self, repository: RepositoryFacts, number: int, comment: int, text: str) -> bool:
        """Change a comment of ours; False if somebody deleted it."""
        ...

    async def find_comment(self, repository: RepositoryFacts, number: int, mark: str) -> int | None:
        """Find the oldest comment on a pull request whose text begins with a mark; at most 1,000 are looked at."""
        ...

    async def react(self, repository: RepositoryFacts, number: int, key: str, reaction: Reaction) -> None:
        """React to a comment or review, named by the key of its event. The same again changes nothing."""
        ...

    async def remove_label(self, repository: RepositoryFacts, number: int, label: str) -> None:
        """Take a label off a pull request; it is no error if it is not there."""
        ...

    async def set_check(self, check: Check) -> dict[str, Any]:
        """Show a check run; return what the next call for it should know.

        Raises:
            Permanent: this forge or our credentials have no checks.
        """
        ...

    async def create_webhook(self, repository: RepositoryFacts, url: str, secret: str) -> int:
        """Make, or set anew, the webhook that leads to this URL with all events that we act on; return its id."""
        ...

    async def failed_deliveries(self, repository: RepositoryFacts, hook: int | None) -> list[FailedDelivery]:
        """List recent requests that did not reach us and did not reach us later either, the oldest first."""
        ...

    async def redeliver(self, repository: RepositoryFacts, hook: int | None, delivery: FailedDelivery) -> None:
        """Ask the forge to bring one again."""
        ...

    async def whoami(self) -> Actor | None:
        """Name the account that our credentials act as; its comments are ours and hold no commands. None: unknown."""
        ...

    async def fetch_credentials(self, full_name: str, repository: int) -> tuple[str, str] | None:
        """Give the user name and token with which a private repository is fetched, if there are any.

        Raises:
            Transient, Permanent: the forge gives no token now.
        """
        ...

    def forget_installation(self, installation: int) -> None:
        """Forget what is kept of an installation of our App that was changed."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
