"""What system hooks tell of projects themselves, from GitLab's JSON."""

from collections.abc import Callable
from functools import partial

from integrations import payload
from integrations.events import RepositoryChanged, RepositoryFate
from integrations.gitlab import bodies

_VISIBILITIES = {"private": True, "internal": True, "public": False}


def _project(fate: RepositoryFate, body: bytes) -> RepositoryChanged:
    said = payload.read(body, bodies.ProjectChanged)
    return RepositoryChanged(
        repository=said.project_id,
        repository_name=payload.full_name(said.path_with_namespace),
        fate=fate,
        private=_VISIBILITIES.get(said.project_visibility.lower().removeprefix("visibilitylevel|")),
    )


READERS: dict[str, Callable[[bytes], RepositoryChanged]] = {
    "project_rename": partial(_project, RepositoryFate.RENAMED),
    "project_transfer": partial(_project, RepositoryFate.TRANSFERRED),
    "project_destroy": partial(_project, RepositoryFate.DELETED),
    "project_update": partial(_project, RepositoryFate.CHANGED),
}
