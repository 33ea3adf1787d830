"""Merge queues, checks, repositories and installations, from GitHub's JSON."""

from integrations import payload
from integrations.events import (
    CheckRerequested,
    InstallationChanged,
    InstallationFate,
    MergeGroupDestroyed,
    MergeGroupRequested,
    RepositoryChanged,
    RepositoryFate,
)
from integrations.github import bodies
from integrations.github.bodies import actor

MAX_ADDED = 10_000  # repositories of one installation: more come one by one, as they are heard of
_FATES = {
    "renamed": RepositoryFate.RENAMED,
    "transferred": RepositoryFate.TRANSFERRED,
    "deleted": RepositoryFate.DELETED,
    "edited": RepositoryFate.CHANGED,  # only if the default branch is among the changes
    "privatized": RepositoryFate.CHANGED,
    "publicized": RepositoryFate.CHANGED,
}
_INSTALLATION_FATES = {
    "created": InstallationFate.CREATED,
    "deleted": InstallationFate.DELETED,
    "suspend": InstallationFate.SUSPENDED,
    "unsuspend": InstallationFate.UNSUSPENDED,
}


def merge_group(body: bytes) -> MergeGroupRequested | MergeGroupDestroyed | None:
    """Read `merge_group`."""
    action = payload.read(body, bodies.Action).action
    if action not in ("checks_requested", "destroyed"):
        return None
    said = payload.read(body, bodies.MergeGroup)
    group, repository = said.merge_group, said.repository
    commit = payload.commit(group.head_sha)
    if action == "destroyed":
        return MergeGroupDestroyed(
            repository=repository.id,
            repository_name=payload.full_name(repository.full_name),
            commit=commit,
            merged=said.reason == "merged",
        )
    return MergeGroupRequested(
        repository=repository.id,
        repository_name=payload.full_name(repository.full_name),
        commit=commit,
        ref=payload.ref(group.head_ref),
        base_branch=payload.branch(group.base_ref.removeprefix("refs/heads/")),
        sender=actor(said.sender),
    )


def check_run(body: bytes) -> CheckRerequested | None:
    """Read `check_run`: the re-run button of one check."""
    if payload.read(body, bodies.Action).action != "rerequested":
        return None
    said = payload.read(body, bodies.CheckRun)
    return _rerequested(said, said.check_run)


def check_suite(body: bytes) -> CheckRerequested | None:
    """Read `check_suite`: the re-run button of all checks of a commit."""
    if payload.read(body, bodies.Action).action != "rerequested":
        return None
    said = payload.read(body, bodies.CheckSuite)
    return _rerequested(said, said.check_suite)


def _rerequested(said: bodies.About, checked: bodies.Checked) -> CheckRerequested:
    return CheckRerequested(
        repository=said.repository.id,
        repository_name=payload.full_name(said.repository.full_name),
        commit=payload.commit(checked.head_sha),
        external_id=(checked.external_id or "")[:100] or None,
        sender=actor(said.sender),
    )


def repository(body: bytes) -> RepositoryChanged | None:
    """Read `repository`: its name, owner, visibility or default branch changed, or it is gone."""
    action = payload.read(body, bodies.Action).action
    fate = _FATES.get(action)
    if fate is None:
        return None
    said = payload.read(body, bodies.Repository)
    if action == "edited" and (said.changes is None or said.changes.default_branch is None):
        return None
    branch = said.repository.default_branch
    return RepositoryChanged(
        repository=said.repository.id,
        repository_name=payload.full_name(said.repository.full_name),
        fate=fate,
        default_branch=payload.branch(branch) if branch else None,
        private=said.repository.private,
    )


def installation(body: bytes) -> InstallationChanged | None:
    """Read `installation`: our App came to an account, was suspended there, or left."""
    fate = _INSTALLATION_FATES.get(payload.read(body, bodies.Action).action)
    if fate is None:
        return None
    said = payload.read(body, bodies.Installation)
    found = _ids(said.repositories)
    return _changed(
        said,
        fate,
        added=found if fate is InstallationFate.CREATED else (),
        removed=found if fate is InstallationFate.DELETED else (),
    )


def installation_repositories(body: bytes) -> InstallationChanged:
    """Read `installation_repositories`: our App sees others than before."""
    said = payload.read(body, bodies.Installation)
    added, removed = _ids(said.repositories_added), _ids(said.repositories_removed)
    return _changed(said, InstallationFate.REPOSITORIES, added=added, removed=removed)


def _changed(
    said: bodies.Installation, fate: InstallationFate, *, added: tuple[int, ...], removed: tuple[int, ...]
) -> InstallationChanged:
    account = said.installation.account
    return InstallationChanged(
        installation=said.installation.id,
        account=payload.title(account.login)[:200] if account else "",
        fate=fate,
        added=added,
        removed=removed,
    )


def _ids(repositories: list[bodies.Named] | None) -> tuple[int, ...]:
    return tuple(each.id for each in (repositories or ())[:MAX_ADDED])
