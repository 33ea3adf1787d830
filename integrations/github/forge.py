"""GitHub as a forge: its deliveries in our events, our statuses on its commits."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from integrations.events import Actor, Event
from integrations.forge import (
    CommitStatus,
    Malformed,
    OwnSecrets,
    Permission,
    RepositoryFacts,
    StatusState,
    Transient,
)
from integrations.github import parse, signature
from integrations.github.auth import App
from integrations.github.checks import Checks
from integrations.github.client import Client, Refused
from integrations.github.conversation import Conversation
from integrations.github.hooks import Hooks, account_of
from integrations.github.names import parts
from integrations.github.reading import Reading

MAX_DESCRIPTION = 140  # characters; more is 422
MAX_KEY = 200  # characters of a delivery's id
DELIVERY, EVENT = "x-github-delivery", "x-github-event"
_KEPT = (EVENT, DELIVERY, "x-github-hook-id", "x-github-hook-installation-target-id", "user-agent", "content-type")
_STATES = {
    StatusState.PENDING: "pending",
    StatusState.RUNNING: "pending",
    StatusState.SKIPPED: "pending",  # GitHub has no neutral state: the description says that nothing was measured
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failure",
    StatusState.ERROR: "error",
    StatusState.CANCELLED: "error",
}
_PERMISSIONS = {each.name.lower(): each for each in Permission}


class GitHub(Reading, Conversation, Checks, Hooks):
    """One GitHub, called with a token or as an App. Without a webhook secret it takes no delivery."""

    name = "github"

    def __init__(
        self,
        *,
        api_url: str,
        webhook_secrets: Sequence[str],
        token: str | None,
        app: App | None = None,
        ca_file: str | None = None,
    ) -> None:
        self._secrets = [secret.encode() for secret in webhook_secrets]
        self._token = token
        self._web_url = web_url(api_url)
        self._app = app
        self._client = Client(api_url, token, app=app, ca_file=ca_file)

    def is_signed(self, headers: Mapping[str, str]) -> bool:
        """Look for a signature of the right form."""
        return signature.is_present(headers)

    def authenticate(self, headers: Mapping[str, str], body: bytes, own: OwnSecrets | None = None) -> None:
        """Check the signature of the raw bytes."""
        signature.check(headers, body, self._secrets if own is None else [each.encode() for each in own.secrets])

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """Give GitHub's own id of the delivery, which a redelivery repeats."""
        return _needed(headers, DELIVERY, MAX_KEY)

    def kind(self, headers: Mapping[str, str]) -> str:
        """Give GitHub's name of the event."""
        return _needed(headers, EVENT, 100)

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Keep what names the delivery and its hook."""
        return {name: headers[name][:MAX_KEY].replace("\0", "") for name in _KEPT if name in headers}

    def repository_of(self, body: bytes) -> int | None:
        """Read the numeric id of the repository."""
        return parse.repository_of(body)

    def installation_of(self, body: bytes) -> int | None:
        """Read the numeric id of the installation."""
        return parse.installation_of(body)

    def parse(self, kind: str, body: bytes) -> Event | None:
        """Translate a delivery."""
        return parse.to_event(kind, body)

    async def set_status(self, status: CommitStatus) -> dict[str, Any]:
        """Show a status on the head commit, always in the base repository; that works for forks too."""
        data = {
            "state": _STATES[status.state],
            "context": status.context,
            "description": clip(status.description, MAX_DESCRIPTION),
            "target_url": status.target_url,
        }
        owner, name = parts(status.full_name)
        path = "/repos/{owner}/{repo}/statuses/{sha}"
        await self._client.post(path, data, owner=owner, repo=name, sha=status.commit)
        return {}

    async def permission(self, repository: RepositoryFacts, actor: Actor) -> Permission:
        """Ask by name, believe only the numeric id: a name may be registered anew by somebody else."""
        owner, name = parts(repository.full_name)
        if not actor.name:  # a delivery said none
            return Permission.NONE
        path = "/repos/{owner}/{repo}/collaborators/{username}/permission"
        try:
            found = await self._client.get(path, owner=owner, repo=name, username=actor.name)
        except Refused as problem:
            if problem.status == 404:
                return Permission.NONE
            raise
        user = found.get("user") or {}
        if user.get("id") != actor.id:
            return Permission.NONE
        # `permission` knows three words; `role_name` knows all, and names that organisations made up.
        coarse = _PERMISSIONS.get(found.get("permission", ""), Permission.NONE)
        return _PERMISSIONS.get(found.get("role_name", ""), coarse)

    async def account(self, login: str) -> Actor | None:
        """Ask who has this login now."""
        try:
            found = await self._client.get("/users/{username}", username=login)
        except Refused as problem:
            if problem.status == 404:
                return None
            raise
        return account_of(found)

    async def repository(self, full_name: str) -> RepositoryFacts:
        """Look a repository up by its name."""
        owner, name = parts(full_name)
        found = await self._client.get("/repos/{owner}/{repo}", owner=owner, repo=name)
        installation = await self._app.installation(full_name) if self._app else None
        try:
            return RepositoryFacts(
                id=int(found["id"]),
                full_name=str(found["full_name"]),
                clone_url=f"{self._web_url}/{found['full_name']}.git",
                default_branch=str(found["default_branch"]),
                private=bool(found["private"]),
                installation=installation,
            )
        except (KeyError, TypeError, ValueError):
            raise Transient("GitHub's answer is no repository") from None

    async def fetch_credentials(self, full_name: str, repository: int) -> tuple[str, str] | None:
        """Give a token under the user name GitHub wants with it; an App's is good for this repository alone."""
        token = await self._app.fetch_token(full_name, repository) if self._app else self._token
        return ("x-access-token", token) if token else None

    def forget_installation(self, installation: int) -> None:
        """Forget the tokens of an installation of our App that was changed."""
        if self._app is not None:
            self._app.forget(installation)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def web_url(api_url: str) -> str:
    """Say where an API's repositories are: api.github.com serves github.com, HOST/api/v3 serves HOST."""
    if urlsplit(api_url).netloc == "api.github.com":
        return "https://github.com"
    return api_url.rstrip("/").removesuffix("/api/v3")


def clip(text: str, most: int) -> str:
    """Shorten a composed text to a number of characters, with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _needed(headers: Mapping[str, str], name: str, most: int) -> str:
    value = headers.get(name, "")
    if not value or len(value) > most or not value.isascii() or not value.isprintable():
        raise Malformed(f"header {name} is missing or no name")
    return value
