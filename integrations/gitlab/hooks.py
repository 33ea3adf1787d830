"""Webhooks of a GitLab project, and the requests they could not bring."""

from typing import Any

from integrations.events import Actor
from integrations.forge import FailedDelivery, RepositoryFacts, Transient
from integrations.gitlab.client import Client, Refused

EVENTS = ("push_events", "tag_push_events", "merge_requests_events", "note_events")
PAGE = 100
_KEYS = ("Idempotency-Key", "Webhook-Id", "webhook-id")


class Hooks:
    """Webhooks of a project. Each method raises Transient or Permanent."""

    _client: Client
    _me: Actor | None = None

    async def create_webhook(self, repository: RepositoryFacts, url: str, secret: str) -> int:
        """Make the webhook with this address, or give the one there is the new secret."""
        path = f"/projects/{repository.id}/hooks"
        data = {"url": url, "token": secret, "enable_ssl_verification": True, **dict.fromkeys(EVENTS, True)}
        same = [each for each in await self._client.page(path, per_page=PAGE) if each.get("url") == url]
        made = await (self._client.put(f"{path}/{same[0]['id']}", data) if same else self._client.post(path, data))
        return _id(made)

    async def failed_deliveries(self, repository: RepositoryFacts, hook: int | None) -> list[FailedDelivery]:
        """List what failed; GitLab before 17.3 keeps no such list, and then the heads alone tell."""
        if hook is None:
            return []
        try:
            found = await self._client.page(_events(repository, hook), per_page=PAGE)
        except Refused as problem:
            if problem.status == 404:
                return []
            raise
        well = {_key(each) for each in found if _is_well(each)}
        failed = list({_key(each): each for each in found if _key(each) not in well}.values())
        return [
            FailedDelivery(id=_id(each), key=_key(each), kind=str(each.get("trigger", ""))) for each in failed[::-1]
        ]

    async def redeliver(self, repository: RepositoryFacts, hook: int | None, delivery: FailedDelivery) -> None:
        """Ask for one again."""
        await self._client.post(f"{_events(repository, hook or 0)}/{delivery.id}/resend", {})

    async def whoami(self) -> Actor | None:
        """Name the token's account; it may be a project's own. Asked once."""
        if self._me is None:
            try:
                found = await self._client.get("/user")
                self._me = Actor(id=int(found["id"]), name=str(found["username"]))
            except Refused:
                return None  # a token that may not ask
            except (KeyError, TypeError, ValueError):
                raise Transient("GitLab's answer is no account") from None
        return self._me


def _events(repository: RepositoryFacts, hook: int) -> str:
    return f"/projects/{repository.id}/hooks/{hook}/events"


def _is_well(event: Any) -> bool:
    status = str(event.get("response_status", ""))  # GitLab writes `internal error` where it got no answer
    return status.isdigit() and 200 <= int(status) < 300


def _key(event: Any) -> str:
    headers = event.get("request_headers") or {}
    return next((str(headers[name]) for name in _KEYS if headers.get(name)), f"event {event.get('id')}")


def _id(made: Any) -> int:
    try:
        return int(made["id"])
    except (KeyError, TypeError, ValueError):
        raise Transient("GitLab's answer has no id") from None
