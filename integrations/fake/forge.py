"""A forge in this process: speaks GitHub's deliveries and keeps what it is told in a world."""

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.events import Actor, Event
from integrations.fake.world import FakeRepository, PostedStatus, World
from integrations.forge import CommitStatus, Permanent, Permission, RepositoryFacts, Transient
from integrations.github.forge import GitHub


class FakeForge:
    """Fulfils the protocol without a network. Deliveries are GitHub's, signed with one of the secrets."""

    name = "github"

    def __init__(self, world: World, *, webhook_secrets: Sequence[str], name: str = "github") -> None:
        self.world = world
        self.name = name
        self._deliveries = GitHub(api_url="http://forge.invalid", webhook_secrets=webhook_secrets, token=None)

    def authenticate(self, headers: Mapping[str, str], body: bytes) -> None:
        """Check the signature as GitHub's adapter does."""
        self._deliveries.authenticate(headers, body)

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """Give the delivery's id."""
        return self._deliveries.delivery_key(headers, body)

    def kind(self, headers: Mapping[str, str]) -> str:
        """Give the event's name."""
        return self._deliveries.kind(headers)

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Pick what names the delivery."""
        return self._deliveries.kept_headers(headers)

    def repository_of(self, body: bytes) -> int | None:
        """Read the numeric id of the repository."""
        return self._deliveries.repository_of(body)

    def parse(self, kind: str, body: bytes) -> Event | None:
        """Translate a delivery."""
        return self._deliveries.parse(kind, body)

    async def set_status(self, status: CommitStatus) -> dict[str, Any]:
        """Keep a status."""
        found = self._repository(status.full_name)
        self.world.statuses.append(
            PostedStatus(
                repository=found.id,
                commit=status.commit,
                context=status.context,
                state=status.state.value,
                description=status.description,
                target_url=status.target_url,
                ref=status.ref,
            )
        )
        return {}

    async def permission(self, repository: RepositoryFacts, actor: Actor) -> Permission:
        """Look the right up by the numeric id."""
        return self.world.permission(self._repository(repository.full_name), actor.id)

    async def repository(self, full_name: str) -> RepositoryFacts:
        """Look a repository up."""
        found = self._repository(full_name)
        return RepositoryFacts(
            id=found.id,
            full_name=found.full_name,
            clone_url=found.clone_url,
            default_branch=found.default_branch,
            private=found.private,
        )

    def fetch_credentials(self) -> tuple[str, str] | None:
        """Give none: its repositories are fetched without."""
        return None

    async def close(self) -> None:
        """Close what the deliveries' adapter holds."""
        await self._deliveries.close()

    def _repository(self, full_name: str) -> FakeRepository:
        failure = self.world.failure_for(full_name)
        if failure is not None:
            kind = Transient if failure.status >= 500 or failure.status == 429 else Permanent
            raise kind(f"{failure.status}: {failure.message}")
        found = self.world.by_name(full_name)
        if found is None:
            raise Permanent(f"404: there is no repository {full_name}")
        return found
