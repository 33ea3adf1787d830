"""The fields we need of GitHub's webhook bodies. What a body has beside them is skipped unread."""

import msgspec

from integrations import payload
from integrations.events import Actor

GHOST = 10137  # the account that stands for one that is gone


class Account(msgspec.Struct):
    """A user, an organisation or an App's bot."""

    id: payload.Id
    login: str = ""
    type: str = ""


class Named(msgspec.Struct):
    """A repository by its id and the name it has now."""

    id: payload.Id
    full_name: str = ""
    default_branch: str | None = None
    private: bool | None = None


class About(msgspec.Struct, kw_only=True):
    """What the bodies of a repository's events have in common."""

    action: str = ""
    repository: Named
    sender: Account


class Head(msgspec.Struct):
    """The commit at the head of a push."""

    id: str
    message: str = ""


class Push(msgspec.Struct):
    """`push`."""

    ref: str
    before: str
    after: str
    repository: Named
    forced: bool = False
    head_commit: Head | None = None
    sender: Account | None = None


class Owner(msgspec.Struct):
    """Whose a repository is."""

    id: payload.Id


class Owned(Named):
    """A repository with its owner."""

    owner: Owner | None = None


class End(msgspec.Struct):
    """One end of a pull request."""

    ref: str
    sha: str
    repo: Owned | None = None  # null once a fork is deleted


class Label(msgspec.Struct):
    """A label by its name."""

    name: str = ""


class Pull(msgspec.Struct):
    """A pull request."""

    head: End
    base: End
    user: Account | None
    title: str = ""
    draft: bool = False
    merged: bool | None = False
    updated_at: str | None = None
    labels: list[Label] | None = None


class Change(msgspec.Struct):
    """What an edit replaced."""

    base: object = None
    default_branch: object = None


class PullRequest(About):
    """`pull_request`."""

    number: payload.Number
    pull_request: Pull
    before: str | None = None
    label: Label | None = None
    changes: Change | None = None


class Issue(msgspec.Struct):
    """What a comment stands on: an issue, and a pull request only if it says so."""

    number: payload.Number
    state: str = ""
    pull_request: object = None


class Comment(msgspec.Struct):
    """A comment; on a line of the code it names the commit its writer looked at."""

    id: payload.Id
    user: Account | None
    body: str | None = None
    commit_id: str | None = None
    created_at: str | None = None


class IssueComment(About):
    """`issue_comment`."""

    issue: Issue
    comment: Comment


class Reviewed(msgspec.Struct):
    """The pull request of a review."""

    number: payload.Number
    head: End
    state: str = ""


class Review(msgspec.Struct):
    """A review; it names the commit its writer looked at."""

    id: payload.Id
    user: Account | None
    body: str | None = None
    commit_id: str | None = None
    state: str = ""
    submitted_at: str | None = None


class ReviewSubmitted(About):
    """`pull_request_review`."""

    review: Review
    pull_request: Reviewed


class ReviewComment(About):
    """`pull_request_review_comment`."""

    comment: Comment
    pull_request: Reviewed


class Group(msgspec.Struct):
    """What a merge queue would merge."""

    head_sha: str
    head_ref: str
    base_ref: str


class MergeGroup(About):
    """`merge_group`."""

    merge_group: Group
    reason: str = ""  # of its end: merged, invalidated or dequeued


class Checked(msgspec.Struct):
    """A check run, or a suite of them, which has no id of ours."""

    head_sha: str
    external_id: str | None = None


class CheckRun(About):
    """`check_run`."""

    check_run: Checked


class CheckSuite(About):
    """`check_suite`."""

    check_suite: Checked


class Repository(About):
    """`repository`."""

    changes: Change | None = None


class Installed(msgspec.Struct):
    """An installation of our App; an enterprise is no account with a login."""

    id: payload.Id
    account: Account | None = None


class Installation(msgspec.Struct):
    """`installation` and `installation_repositories`."""

    installation: Installed
    action: str = ""
    repositories: list[Named] | None = None
    repositories_added: list[Named] | None = None
    repositories_removed: list[Named] | None = None


class Action(msgspec.Struct):
    """The action alone: whether the rest is worth reading."""

    action: str = ""


def actor(account: Account | None) -> Actor:
    """Name an account; one that is gone is GitHub's ghost, who may do nothing."""
    if account is None:
        return Actor(id=GHOST, name="ghost")
    return Actor(id=account.id, name=payload.title(account.login)[:100])
