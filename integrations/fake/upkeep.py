"""Signed deliveries about merge queues, checks, repositories and installations."""

from collections.abc import Sequence
from typing import Any

from integrations.fake.parts import Delivery, Person, account_body, github, gitlab, project_body, repository_body
from integrations.fake.world import FakeRepository


def github_merge_group(
    repository: FakeRepository,
    action: str,
    commit: str,
    secret: str,
    *,
    sender: Person,
    ref: str = "refs/heads/gh-readonly-queue/main/pr-5-abc",
    base: str = "main",
    reason: str = "invalidated",
    key: str | None = None,
) -> Delivery:
    """Say that a merge queue has checks_requested for a commit, or destroyed what held it."""
    data = {
        "action": action,
        "merge_group": {
            "head_sha": commit,
            "head_ref": ref,
            "base_sha": "b" * 40,
            "base_ref": f"refs/heads/{base}",
            "head_commit": {"id": commit, "message": "Merge"},
        },
        "repository": repository_body(repository),
        "sender": account_body(sender),
        **({"reason": reason} if action == "destroyed" else {}),
    }
    return github("merge_group", data, secret, key=key)


def github_check_rerequested(
    repository: FakeRepository,
    commit: str,
    secret: str,
    *,
    sender: Person,
    external_id: str | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that somebody pressed the re-run button of one check of ours, or without an id of all."""
    kind = "check_run" if external_id is not None else "check_suite"
    checked: dict[str, Any] = {"id": 1, "head_sha": commit, "pull_requests": []}
    if external_id is not None:
        checked.update(external_id=external_id, name="rigline/run")
    data = {
        "action": "rerequested",
        kind: checked,
        "repository": repository_body(repository),
        "sender": account_body(sender),
    }
    return github(kind, data, secret, key=key)


def github_repository(
    repository: FakeRepository,
    action: str,
    secret: str,
    *,
    sender: Person,
    changes: dict[str, Any] | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a repository was renamed, transferred, deleted, edited, privatized, publicized."""
    data = {
        "action": action,
        "repository": repository_body(repository),
        "sender": account_body(sender),
        **({"changes": changes} if changes is not None else {}),
    }
    return github("repository", data, secret, key=key)


def github_installation(
    action: str,
    installation: int,
    account: str,
    secret: str,
    *,
    sender: Person,
    repositories: Sequence[FakeRepository] = (),
    key: str | None = None,
) -> Delivery:
    """Say that our App was installed on an account (created), removed (deleted), suspend(ed) or unsuspend(ed)."""
    data = {
        "action": action,
        "installation": _installation(installation, account),
        "repositories": [_short(each) for each in repositories],
        "sender": account_body(sender),
    }
    return github("installation", data, secret, key=key)


def github_installation_repositories(
    installation: int,
    account: str,
    secret: str,
    *,
    sender: Person,
    added: Sequence[FakeRepository] = (),
    removed: Sequence[FakeRepository] = (),
    key: str | None = None,
) -> Delivery:
    """Say that our App sees other repositories than before."""
    data = {
        "action": "added" if added else "removed",
        "installation": _installation(installation, account),
        "repository_selection": "selected",
        "repositories_added": [_short(each) for each in added],
        "repositories_removed": [_short(each) for each in removed],
        "sender": account_body(sender),
    }
    return github("installation_repositories", data, secret, key=key)


def gitlab_project(project: FakeRepository, event: str, secret: str, *, key: str | None = None) -> Delivery:
    """Say by a system hook what became of a project: project_rename, project_transfer, project_destroy, …"""
    described = project_body(project)
    data = {
        "event_name": event,
        "name": described["name"],
        "path_with_namespace": project.full_name,
        "project_id": project.id,
        "project_visibility": "private" if project.private else "public",
    }
    return gitlab("System Hook", data, secret, key=key)


def _installation(installation: int, account: str) -> dict[str, Any]:
    return {"id": installation, "account": {"id": 555, "login": account, "type": "Organization"}, "app_id": 1}


def _short(repository: FakeRepository) -> dict[str, Any]:
    return {"id": repository.id, "full_name": repository.full_name, "private": repository.private}
