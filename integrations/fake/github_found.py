"""Find a repository or pull request of a world as GitHub's addresses name it."""

from integrations.fake.answer import Refusal
from integrations.fake.repository import Shown
from integrations.fake.world import FakeRepository, World


def repository_of(world: World, owner: str, name: str) -> FakeRepository:
    """Find a repository, or refuse as GitHub does."""
    found = world.by_name(f"{owner}/{name}")
    if found is None:
        raise Refusal(404, "Not Found")
    if found.forbidden:
        raise Refusal(403, "Resource not accessible by integration")
    return found


def pull_of(repository: FakeRepository, number: str) -> Shown:
    """Find a pull request, or refuse."""
    if int(number) not in repository.pulls:
        raise Refusal(404, "Not Found")
    return repository.pulls[int(number)]
