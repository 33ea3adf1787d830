"""What a delivery says, in our words. Each forge's JSON becomes one of these, once, at the edge."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PullRequestAction(StrEnum):
    """What happened to a pull request, as far as it leads to work."""

    OPENED = "opened"
    REOPENED = "reopened"
    SYNCHRONISED = "synchronised"  # its head moved
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """An account on a forge. The numeric id counts; a name may be registered anew by somebody else."""

    id: int
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Ping:
    """The forge tests the connection."""


@dataclass(frozen=True, kw_only=True)
class Push:
    """A branch or tag was created or moved."""

    repository: int  # the forge's numeric id
    ref: str  # refs/heads/… or refs/tags/…
    before: str | None  # None: created
    commit: str  # of the commit, also for an annotated tag
    forced: bool = False
    title: str = ""  # first line of the head commit's message: text of its author
    message: str = ""  # that message, for the tokens that ask us to skip it
    repository_name: str = ""  # as the forge names it now; names change, the id does not
    sender: Actor | None = None

    @property
    def branch(self) -> str | None:
        """Name the branch, or None for a tag."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None


@dataclass(frozen=True, kw_only=True)
class RefDeleted:
    """A branch or tag is gone."""

    repository: int
    repository_name: str = ""
    ref: str


@dataclass(frozen=True, kw_only=True)
class PullRequestChanged:
    """A pull request was opened, reopened, closed, or its head moved."""

    repository: int  # the base repository's numeric id
    repository_name: str = ""
    action: PullRequestAction
    number: int
    commit: str  # head
    before: str | None = None  # the head before, when it moved
    base_branch: str
    head_branch: str
    from_fork: bool  # also when the fork is gone
    source_repository: int | None = None  # where the head branch lives; None: it was deleted
    title: str = ""  # text of its author
    draft: bool = False
    merged: bool = False
    author: Actor
    sender: Actor
    fetch_ref: str  # the ref of the base repository that holds the head, forks' included
    changed_at: datetime | None = None  # by the forge's clock: orders what came in another order


Event = Ping | Push | RefDeleted | PullRequestChanged
