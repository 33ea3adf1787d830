"""What a delivery says, in our words. Each forge's JSON becomes one of these, once, at the edge."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PullRequestAction(StrEnum):
    """What happened to a pull request, as far as it leads to work."""

    OPENED = "opened"
    REOPENED = "reopened"
    SYNCHRONISED = "synchronised"  # its head moved
    READY = "ready"  # it is a draft no longer
    DRAFTED = "drafted"  # it became a draft
    RETARGETED = "retargeted"  # its base branch changed
    LABELLED = "labelled"
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
    forced: bool | None = False  # None: the delivery does not say
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
    source_owner: str = ""  # whose that is: a number, or where the forge tells none a name; good for counting only
    title: str = ""  # text of its author
    draft: bool = False
    merged: bool = False
    author: Actor
    sender: Actor
    fetch_ref: str  # the ref of the base repository that holds the head, forks' included
    changed_at: datetime | None = None  # by the forge's clock: orders what came in another order
    label: str | None = None  # the one that was set
    new_labels: tuple[str, ...] = ()  # GitLab tells of several at once; `label` is the first of them
    labels: tuple[str, ...] = ()  # all it has now


@dataclass(frozen=True, kw_only=True)
class CommentPosted:
    """Somebody wrote a comment or review on a pull request: it may hold commands."""

    repository: int
    repository_name: str = ""
    number: int  # of the pull request
    key: str  # comment:ID, review:ID or review_comment:ID; the same for the same text
    comment: int  # what a reaction is given to
    text: str  # Markdown, hostile
    author: Actor
    sender: Actor  # who made the event; not the author when somebody else did
    is_bot: bool = False
    is_open: bool = True  # the pull request
    is_confidential: bool = False  # never to be answered in public
    commit: str | None = None  # the head, where the delivery says it
    seen_commit: str | None = None  # what a reviewer looked at
    approves: bool = False  # a review that approves
    posted_at: datetime | None = None  # by the forge's clock


@dataclass(frozen=True, kw_only=True)
class MergeGroupRequested:
    """A merge queue asks for a verdict on what it would merge."""

    repository: int
    repository_name: str = ""
    commit: str
    ref: str  # of the queue: refs/heads/gh-readonly-queue/…
    base_branch: str
    sender: Actor


@dataclass(frozen=True, kw_only=True)
class MergeGroupDestroyed:
    """A merge queue wants nothing more of a commit."""

    repository: int
    repository_name: str = ""
    commit: str
    merged: bool = False  # and so the branch has it now


@dataclass(frozen=True, kw_only=True)
class CheckRerequested:
    """Somebody pressed the re-run button of a check of ours."""

    repository: int
    repository_name: str = ""
    commit: str
    external_id: str | None  # job:ID or pipeline:ID, as we gave it; None: all of the commit
    sender: Actor


class RepositoryFate(StrEnum):
    """What became of a repository."""

    RENAMED = "renamed"
    TRANSFERRED = "transferred"
    DELETED = "deleted"
    CHANGED = "changed"  # its default branch or visibility


@dataclass(frozen=True, kw_only=True)
class RepositoryChanged:
    """A repository has another name, owner or default branch, or is gone."""

    repository: int
    repository_name: str = ""
    fate: RepositoryFate
    default_branch: str | None = None
    private: bool | None = None


class InstallationFate(StrEnum):
    """What became of an installation of our App."""

    CREATED = "created"
    DELETED = "deleted"
    SUSPENDED = "suspended"
    UNSUSPENDED = "unsuspended"
    REPOSITORIES = "repositories"  # it covers others now


@dataclass(frozen=True, kw_only=True)
class InstallationChanged:
    """Our App was installed, suspended or removed, or covers other repositories."""

    installation: int
    account: str
    fate: InstallationFate
    added: tuple[int, ...] = ()  # repositories, by id
    removed: tuple[int, ...] = ()


Event = (
    Ping
    | Push
    | RefDeleted
    | PullRequestChanged
    | CommentPosted
    | MergeGroupRequested
    | MergeGroupDestroyed
    | CheckRerequested
    | RepositoryChanged
    | InstallationChanged
)
