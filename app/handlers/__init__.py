"""What each event leads to. A handler may run again for the same delivery: each is idempotent."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.deps import Deps
from app.handlers import check, comment, installation, merge_group, pull_request, push, repository
from app.handlers.occasion import Occasion
from integrations.events import (
    CheckRerequested,
    CommentPosted,
    InstallationChanged,
    MergeGroupDestroyed,
    MergeGroupRequested,
    Ping,
    PullRequestChanged,
    Push,
    RefDeleted,
    RepositoryChanged,
)

Handler = Callable[[Any, Occasion, Deps], Awaitable[str]]


async def on_ping(event: Ping, occasion: Occasion, deps: Deps) -> str:
    """Do nothing: the delivery's row says that the hook is alive."""
    return "ping"


HANDLERS: Mapping[type, Handler] = {  # a test compares the keys with the Event union
    Ping: on_ping,
    Push: push.on_push,
    RefDeleted: push.on_deleted,
    PullRequestChanged: pull_request.on_changed,
    MergeGroupRequested: merge_group.on_requested,
    MergeGroupDestroyed: merge_group.on_destroyed,
    RepositoryChanged: repository.on_changed,
    InstallationChanged: installation.on_changed,
    CheckRerequested: check.on_rerequested,
    CommentPosted: comment.on_comment,
}
