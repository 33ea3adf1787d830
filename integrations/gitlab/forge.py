"""GitLab as a forge: its deliveries in our events, our statuses on its commits."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from integrations import payload
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
from integrations.gitlab import parse, signature
from integrations.gitlab.client import CONFLICTS, Client, Refused
from integrations.gitlab.conversation import Conversation
from integrations.gitlab.hooks import Hooks
from integrations.gitlab.reading import Reading

MAX_DESCRIPTION = 255  # characters
MAX_URL = 255  # characters of a target_url
MAX_KEY = 200  # characters of a delivery's id
PAGE = 100
OPEN = ("pending", "running")
BUSY_S = 1.0  # before another try while GitLab works on the same status
EVENT = "x-gitlab-event"
KEYS = ("idempotency-key", "webhook-id")  # the same when GitLab sends a delivery again
_KEPT = (EVENT, *KEYS, "x-gitlab-instance", "x-gitlab-webhook-uuid", "x-gitlab-event-uuid", "content-type")
_STATES = {
    StatusState.PENDING: "pending",
    StatusState.RUNNING: "running",
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failed",
    StatusState.ERROR: "failed",
    StatusState.CANCELLED: "canceled",
    StatusState.SKIPPED: "skipped",
}
_LEVELS = (  # compared as numbers: owner, maintainer, developer, reporter, guest
    (50, Permission.ADMIN),
    (40, Permission.MAINTAIN),
    (30, Permission.WRITE),
    (20, Permission.TRIAGE),
    (10, Permission.READ),
)


class _Meaning(msgspec.Struct):
    """What tells two deliveries apart where GitLab sends no key."""

    object_kind: str = ""
    project: Any = None
    before: Any = None
    after: Any = None
    ref: Any = None
    object_attributes: dict[str, Any] | None = None


class GitLab(Reading, Conversation, Hooks):
    """One GitLab, called with a token. Without a webhook secret or signing key it takes no delivery."""

    name = "gitlab"

    def __init__(
        self,
        *,
        url: str,
        webhook_secrets: Sequence[str],
        signing_keys: Sequence[str],
        token: str | None,
        ca_file: str | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._secrets = [secret.encode() for secret in webhook_secrets]
        self._keys = [signature.signing_key(key) for key in signing_keys]
        self._token = token
        self._client = Client(self._url, token, ca_file=ca_file)

    def is_signed(self, headers: Mapping[str, str]) -> bool:
        """Look for a token or a signature."""
        return signature.is_present(headers)

    def authenticate(self, headers: Mapping[str, str], body: bytes, own: OwnSecrets | None = None) -> None:
        """Check the signature where keys are configured, else the token."""
        if own is None:
            signature.check(headers, body, secrets=self._secrets, keys=self._keys)
            return
        secrets = [each.encode() for each in own.secrets]
        signature.check(headers, body, secrets=secrets, keys=[signature.signing_key(each) for each in own.signing_keys])

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """Give GitLab's key, or for older versions a digest of what the delivery says.

        The event's own UUID is no key: hooks that one event sets off share it.
        """
        for name in KEYS:
            value = headers.get(name, "")
            if value:
                return _name(name, value)
        meaning = payload.read(body, _Meaning)
        about = meaning.object_attributes or {}
        named = ("id", "action", "updated_at", "oldrev")
        facts = [meaning.object_kind, meaning.project, meaning.before, meaning.after, meaning.ref]
        facts += [headers.get("x-gitlab-instance", ""), *(about.get(name) for name in named)]
        return "meaning-" + hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()

    def kind(self, headers: Mapping[str, str]) -> str:
        """Give GitLab's name of the event."""
        return _name(EVENT, headers.get(EVENT, ""), 100)

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Keep what names the delivery and its hook; the token is a header too, and is not kept."""
        return {name: headers[name][:MAX_KEY].replace("\0", "") for name in _KEPT if name in headers}

    def repository_of(self, body: bytes) -> int | None:
        """Read the numeric id of the project."""
        return parse.repository_of(body)

    def installation_of(self, body: bytes) -> int | None:
        """Know that GitLab has none."""
        return None

    def parse(self, kind: str, body: bytes) -> Event | None:
        """Translate a delivery."""
        return parse.to_event(kind, body)

    async def set_status(self, status: CommitStatus) -> dict[str, Any]:
        """Show a status where the merge request shows it: for a fork in the fork, else in the project."""
        projects = [status.repository]
        if status.source_repository not in (None, status.repository):
            projects.insert(0, int(status.memory.get("project") or status.source_repository or 0))
        for project in projects[:-1]:
            try:
                return await self._post(project, status)
            except Refused as problem:
                if problem.status not in (403, 404):
                    raise
        return await self._post(projects[-1], status)

    async def _post(self, project: int, status: CommitStatus) -> dict[str, Any]:
        path = f"/projects/{project}/statuses/{status.commit}"
        data = self._data(project, status)
        for attempt in range(1, CONFLICTS + 1):
            try:
                answer = await self._client.post(path, data)
                break
            except Refused as problem:
                if problem.status == 400 and "Cannot transition status" in problem.said:
                    return dict(status.memory)  # it shows this state already
                if problem.status != 409:
                    raise
                if attempt == CONFLICTS:
                    raise Transient("GitLab is busy with the same status") from None
                await asyncio.sleep(BUSY_S * attempt)
        told = _remembered(status, answer if isinstance(answer, dict) else {})
        if "left_open" in told and not await self._is_open(project, status, told["left_open"]):
            del told["left_open"]
        return {**status.memory, "project": project, **told}

    async def _is_open(self, project: int, status: CommitStatus, row: int) -> bool:
        """See whether a row we began is open still: another pipeline of ours on the commit may have ended it."""
        path = f"/projects/{project}/repository/commits/{status.commit}/statuses"
        try:
            found = await self._client.page(path, name=status.context, all="true", per_page=PAGE)
        except (Refused, Transient):
            return True  # better said in vain than not at all
        return any(each.get("id") == row and each.get("status") in OPEN for each in found)

    def _data(self, project: int, status: CommitStatus) -> dict[str, Any]:
        """Write the call. The ref is always said: GitLab would guess any branch that has the commit."""
        data: dict[str, Any] = {
            "state": _STATES[status.state],
            "name": status.context,
            "description": clip(status.description, MAX_DESCRIPTION),
        }
        if len(status.target_url) <= MAX_URL:
            data["target_url"] = status.target_url
        ref = status.ref
        if project == status.repository != status.source_repository and status.pull_request is not None:
            ref = f"refs/merge-requests/{status.pull_request}/head" if status.source_repository else ref
        if ref:
            data["ref"] = ref
        if status.memory.get("project") == project and status.memory.get("pipeline_id"):
            data["pipeline_id"] = status.memory["pipeline_id"]
        return data

    async def permission(self, repository: RepositoryFacts, actor: Actor) -> Permission:
        """Ask by numeric id for an active membership, inherited ones too."""
        try:
            found = await self._client.get(f"/projects/{repository.id}/members/all/{actor.id}")
        except Refused as problem:
            if problem.status == 404:
                return Permission.NONE
            raise
        if not isinstance(found, dict) or found.get("id") != actor.id or found.get("state") != "active":
            return Permission.NONE
        level = found.get("access_level")
        level = level if isinstance(level, int) else 0
        return next((permission for least, permission in _LEVELS if level >= least), Permission.NONE)

    async def account(self, login: str) -> Actor | None:
        """Ask who has this login now."""
        for found in await self._client.page("/users", username=login):
            if isinstance(found, dict) and str(found.get("username", "")).lower() == login.lower():
                return Actor(id=int(found["id"]), name=str(found["username"]))
        return None

    async def repository(self, full_name: str) -> RepositoryFacts:
        """Look a project up by its path."""
        found = await self._client.get(f"/projects/{quote(full_name, safe='')}")
        try:
            return RepositoryFacts(
                id=int(found["id"]),
                full_name=str(found["path_with_namespace"]),
                clone_url=f"{self._url}/{found['path_with_namespace']}.git",
                default_branch=str(found.get("default_branch") or "main"),
                private=found["visibility"] != "public",
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Transient("GitLab's answer is no project") from None

    async def fetch_credentials(self, full_name: str, repository: int) -> tuple[str, str] | None:
        """Give the token under the user name GitLab wants with it."""
        return ("oauth2", self._token) if self._token else None

    def forget_installation(self, installation: int) -> None:
        """Do nothing: there are no Apps here."""

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def clip(text: str, most: int) -> str:
    """Shorten a composed text to a number of characters, with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _remembered(status: CommitStatus, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the next call should know: GitLab's pipeline, and its row.

    It changes a row only for the account that began it. Another row than before, while that one was
    open, means that our token is another account's now: what that one began stays open.
    """
    row, before = answer.get("id"), status.memory.get("row")
    told = {"row": row, "open": status.state in (StatusState.PENDING, StatusState.RUNNING)}
    if answer.get("pipeline_id"):
        told["pipeline_id"] = answer["pipeline_id"]
    if status.memory.get("open") and before is not None and row != before:
        told["left_open"] = before
    return told


def _name(header: str, value: str, most: int = MAX_KEY) -> str:
    if not value or len(value) > most or not value.isascii() or not value.isprintable():
        raise Malformed(f"header {header} is missing or no name")
    return value
