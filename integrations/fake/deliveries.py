"""Signed deliveries as GitHub and GitLab send them, one function for each kind."""

from typing import Any

from integrations.fake.parts import (
    ZERO,
    Delivery,
    Person,
    Pull,
    account_body,
    commit_body,
    github,
    gitlab,
    project_body,
    pull_body,
    repository_body,
    source_body,
)
from integrations.fake.said import (
    github_comment,
    github_review,
    github_review_comment,
    gitlab_note,
)
from integrations.fake.upkeep import (
    github_check_rerequested,
    github_installation,
    github_installation_repositories,
    github_merge_group,
    github_repository,
    gitlab_project,
)
from integrations.fake.world import FakeRepository

__all__ = [
    "ZERO",
    "Delivery",
    "FakeRepository",
    "Person",
    "Pull",
    "github",
    "github_check_rerequested",
    "github_comment",
    "github_installation",
    "github_installation_repositories",
    "github_merge_group",
    "github_ping",
    "github_pull_request",
    "github_push",
    "github_repository",
    "github_review",
    "github_review_comment",
    "gitlab",
    "gitlab_merge_request",
    "gitlab_note",
    "gitlab_project",
    "gitlab_push",
]


def github_ping(secret: str) -> Delivery:
    """Say that a hook was made."""
    return github("ping", {"zen": "Design for failure.", "hook_id": 1, "hook": {"events": ["push"]}}, secret)


def github_push(
    repository: FakeRepository,
    commit: str,
    secret: str,
    *,
    ref: str = "refs/heads/main",
    before: str = ZERO,
    sender: Person,
    message: str = "Change something",
    forced: bool = False,
    tag_object: str | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a branch or tag moved.

    Args:
        tag_object: the object of an annotated tag, which GitHub names as `after`.
    """
    head = commit_body(repository, commit, message, sender)
    gone = commit == ZERO
    data = {
        "ref": ref,
        "before": before,
        "after": tag_object or commit,
        "created": before == ZERO,
        "deleted": gone,
        "forced": forced,
        "base_ref": None,
        "compare": f"http://169.254.169.254/{repository.full_name}/compare",
        "commits": [] if gone else [head],
        "head_commit": None if gone else head,
        "repository": repository_body(repository),
        "pusher": {"name": sender.name, "email": f"{sender.name}@users.example"},
        "sender": account_body(sender),
    }
    return github("push", data, secret, key=key)


def github_pull_request(
    repository: FakeRepository,
    action: str,
    pull: Pull,
    secret: str,
    *,
    sender: Person | None = None,
    before: str | None = None,
    label: str | None = None,
    changes: dict[str, Any] | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a pull request was opened, synchronize(d), labeled, edited, closed, …"""
    data = {
        "action": action,
        "number": pull.number,
        "pull_request": pull_body(repository, pull, closed=action == "closed"),
        "repository": repository_body(repository),
        "sender": account_body(sender or pull.author),
        **({"before": before, "after": pull.head} if before else {}),
        **({"label": {"id": 1, "name": label}} if label else {}),
        **({"changes": changes} if changes is not None else {}),
        **pull.extra,
    }
    return github("pull_request", data, secret, key=key)


def gitlab_push(
    project: FakeRepository,
    commit: str,
    secret: str,
    *,
    ref: str = "refs/heads/main",
    before: str = ZERO,
    sender: Person,
    message: str = "Change something",
    tag_object: str | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a branch or tag moved."""
    kind, gone = ("tag_push" if ref.startswith("refs/tags/") else "push"), commit == ZERO
    data = {
        "object_kind": kind,
        "event_name": kind,
        "before": before,
        "after": tag_object or commit,
        "ref": ref,
        "checkout_sha": None if gone else commit,
        "user_id": sender.id,
        "user_username": sender.name,
        "project_id": project.id,
        "project": project_body(project),
        "commits": [] if gone else [{"id": commit, "message": message, "title": message.partition("\n")[0]}],
        "total_commits_count": 0 if gone else 1,
        "repository": {"name": project.full_name.rpartition("/")[2], "homepage": "http://169.254.169.254/"},
    }
    return gitlab("Tag Push Hook" if kind == "tag_push" else "Push Hook", data, secret, key=key)


def gitlab_merge_request(
    project: FakeRepository,
    action: str,
    pull: Pull,
    secret: str,
    *,
    sender: Person | None = None,
    oldrev: str | None = None,
    changes: dict[str, Any] | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a merge request changed: open, update, close, merge, reopen."""
    person = sender or pull.author
    attributes = {
        "id": 9000 + pull.number,
        "iid": pull.number,
        "action": action,
        "state": "closed" if action == "close" else "opened",
        "title": pull.title,
        "draft": pull.draft,
        **source_body(project, pull),
        "target_project_id": project.id,
        "source_branch": pull.branch,
        "target_branch": pull.base,
        "author_id": pull.author.id,
        "updated_at": pull.updated_at,
        "last_commit": {"id": pull.head, "message": pull.title, "author": {"name": "Anybody", "email": "a@example"}},
        **({"oldrev": oldrev} if oldrev else {}),
    }
    data = {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": person.id, "username": person.name, "name": person.name},
        "project": project_body(project),
        "object_attributes": attributes,
        "labels": [{"id": number, "title": name} for number, name in enumerate(pull.labels, 1)],
        "changes": changes or {},
        **pull.extra,
    }
    return gitlab("Merge Request Hook", data, secret, key=key)
