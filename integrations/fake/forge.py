"""A forge in this process: speaks GitHub's deliveries and keeps what it is told in a world."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations import lineage
from integrations.events import Actor, Event
from integrations.fake.repository import FakeHook, Shown
from integrations.fake.world import FakeRepository, PostedStatus, World
from integrations.forge import (
    Check,
    CommitStatus,
    FailedDelivery,
    OwnSecrets,
    Permanent,
    Permission,
    PullRequestFacts,
    Reaction,
    RepositoryFacts,
    Transient,
)
from integrations.github.forge import GitHub

MAX_FILE = 1 << 20  # bytes


class FakeForge:
    """Fulfils the protocol without a network. Deliveries are GitHub's, signed with one of the secrets."""

    name = "github"

    def __init__(self, world: World, *, webhook_secrets: Sequence[str], name: str = "github") -> None:
        self.world = world
        self.name = name
        self._deliveries = GitHub(api_url="http://forge.invalid", webhook_secrets=webhook_secrets, token=None)

    def is_signed(self, headers: Mapping[str, str]) -> bool:
        """Look for a signature as GitHub's adapter does."""
        return self._deliveries.is_signed(headers)

    def authenticate(self, headers: Mapping[str, str], body: bytes, own: OwnSecrets | None = None) -> None:
        """Check the signature as GitHub's adapter does."""
        self._deliveries.authenticate(headers, body, own)

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

    def installation_of(self, body: bytes) -> int | None:
        """Read the numeric id of the installation."""
        return self._deliveries.installation_of(body)

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
            installation=found.installation,
        )

    async def file(self, repository: RepositoryFacts, path: str, commit: str) -> bytes | None:
        """Read a file as it is at a commit."""
        found = self._repository(repository.full_name)
        if commit in found.unknown:
            raise Transient(f"commit {commit[:10]} is not there yet")
        data = found.content(path, commit)
        if data is not None and len(data) > MAX_FILE:
            raise Permanent(f"{path} is larger than {MAX_FILE} bytes")
        return data

    async def branch_head(self, repository: RepositoryFacts, branch: str) -> str | None:
        """Say where a branch is."""
        return self._repository(repository.full_name).head(branch)

    async def branches(self, repository: RepositoryFacts) -> list[tuple[str, str]]:
        """List the branches that something was pushed to."""
        return sorted(self._repository(repository.full_name).branches.items())

    async def committed_at(self, repository: RepositoryFacts, commit: str) -> datetime | None:
        """Say when a commit was made, if anybody made it."""
        return self._repository(repository.full_name).made_at(commit)

    async def tag_commit(self, repository: RepositoryFacts, tag: str) -> str | None:
        """Say which commit a tag names."""
        return self._repository(repository.full_name).tags.get(tag)

    async def pull_request(self, repository: RepositoryFacts, number: int) -> PullRequestFacts | None:
        """Describe a pull request."""
        found = self._repository(repository.full_name)
        return _facts(found, found.pulls[number]) if number in found.pulls else None

    async def open_pull_requests(self, repository: RepositoryFacts) -> list[PullRequestFacts]:
        """Describe the open ones."""
        found = self._repository(repository.full_name)
        return [
            _facts(found, found.pulls[each]) for each in sorted(found.pulls, reverse=True) if each not in found.closed
        ]

    async def merge_base(self, repository: RepositoryFacts, base: str, head: str) -> str | None:
        """Find the nearest commit that both have."""
        return self._repository(repository.full_name).merge_base(base, head)

    async def between(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """Follow first parents."""
        return lineage.first_parents(base, head, self._repository(repository.full_name).parents(base, head))

    async def contains(self, repository: RepositoryFacts, branch: str, commit: str) -> bool:
        """Look for a commit among those of a branch."""
        found = self._repository(repository.full_name)
        head = found.head(branch)
        return head is not None and commit in found.ancestors(head)

    async def changed_paths(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """List the files that differ."""
        return self._repository(repository.full_name).changed(base, head)

    async def comment(self, repository: RepositoryFacts, number: int, text: str) -> int:
        """Keep a comment."""
        return self._repository(repository.full_name).write(number, text).id

    async def edit_comment(self, repository: RepositoryFacts, number: int, comment: int, text: str) -> bool:
        """Change a comment, if it is there."""
        found = self._repository(repository.full_name).comments.get(comment)
        if found is None:
            return False
        found.text, found.edits = text, found.edits + 1
        return True

    async def find_comment(self, repository: RepositoryFacts, number: int, mark: str) -> int | None:
        """Find the oldest comment that begins so."""
        comments = self._repository(repository.full_name).comments.values()
        return next((each.id for each in comments if each.number == number and each.text.startswith(mark)), None)

    async def react(self, repository: RepositoryFacts, number: int, key: str, reaction: Reaction) -> None:
        """Keep a reaction, once."""
        self._repository(repository.full_name).react(key, reaction.value)

    async def remove_label(self, repository: RepositoryFacts, number: int, label: str) -> None:
        """Take a label off."""
        labels = self._repository(repository.full_name).labels.get(number, [])
        if label in labels:
            labels.remove(label)

    async def set_check(self, check: Check) -> dict[str, Any]:
        """Keep a check under its id."""
        found = self._repository(check.status.full_name)
        check_id = check.status.memory.get("check") or found.next_id()
        found.checks[check_id] = {"name": check.status.context, "state": check.status.state.value, "title": check.title}
        return {"check": check_id}

    async def create_webhook(self, repository: RepositoryFacts, url: str, secret: str) -> int:
        """Keep a webhook, one for each address."""
        found = self._repository(repository.full_name)
        same = next((each for each in found.hooks.values() if each.url == url), None)
        hook = FakeHook(same.id if same else found.next_id(), url, secret)
        found.hooks[hook.id] = hook
        return hook.id

    async def failed_deliveries(self, repository: RepositoryFacts, hook: int | None) -> list[FailedDelivery]:
        """List what the webhook could not bring."""
        made = self._repository(repository.full_name).hooks.get(hook or 0)
        return (
            [FailedDelivery(id=each["id"], key=each["guid"], kind=each["event"]) for each in made.failed()]
            if made
            else []
        )

    async def redeliver(self, repository: RepositoryFacts, hook: int | None, delivery: FailedDelivery) -> None:
        """Note what is wanted again."""
        self._repository(repository.full_name).hooks[hook or 0].asked_again.append(delivery.id)

    async def whoami(self) -> Actor | None:
        """Name the account of the world that is ours."""
        return Actor(id=self.world.account("rigline"), name="rigline")

    async def fetch_credentials(self, full_name: str, repository: int) -> tuple[str, str] | None:
        """Give none: its repositories are fetched without."""
        return None

    def forget_installation(self, installation: int) -> None:
        """Do nothing: there are no Apps here."""

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


def _facts(repository: FakeRepository, pull: Shown) -> PullRequestFacts:
    source = None if pull.fork_is_gone else (pull.fork or repository).id
    return PullRequestFacts(
        number=pull.number,
        head=pull.head,
        head_branch=pull.branch,
        base_branch=pull.base,
        base_commit=pull.base_sha,
        title=pull.title,
        author=Actor(id=pull.author.id, name=pull.author.name),
        from_fork=source != repository.id,
        is_open=pull.number not in repository.closed,
        is_draft=pull.draft,
        fetch_ref=f"refs/pull/{pull.number}/head",
        source_repository=source,
        labels=tuple(repository.labels.get(pull.number, ())),
    )
