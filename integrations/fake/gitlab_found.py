"""Find a project of a world as GitLab's addresses name it."""

from integrations.fake.answer import Refusal
from integrations.fake.repository import Shown
from integrations.fake.world import FakeRepository, World


def project_of(world: World, project_id: str) -> FakeRepository:
    """Find a project, or refuse as GitLab does."""
    found = world.repositories.get(int(project_id))
    if found is None:
        raise Refusal(404, "404 Project Not Found")
    if found.forbidden:
        raise Refusal(403, "403 Forbidden")
    return found


def merge_request_of(project: FakeRepository, iid: str) -> Shown:
    """Find a merge request, or refuse."""
    if int(iid) not in project.pulls:
        raise Refusal(404, "404 Not found")
    return project.pulls[int(iid)]
