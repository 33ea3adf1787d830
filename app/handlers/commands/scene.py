"""What a command knows beside its words: who speaks, on which pull request, about which commit."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.db.queries.heard import Hearing
from app.deps import Deps
from app.handlers.occasion import Occasion
from integrations.events import CommentPosted
from integrations.forge import PullRequestFacts

Step = Callable[[], Awaitable[str]]  # carries a command out, may do so again after a crash; says what is to be replied

RIGHT, CLOSED, QUOTA, WRONG, FORGE = "refused", "closed", "over the quota", "wrong", "the forge refuses"


class Refused(Exception):
    """Nothing of the comment is carried out. The message is the reply."""

    def __init__(self, reply: str, *, kind: str = WRONG) -> None:
        super().__init__(reply)
        self.kind = kind


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One comment on one pull request."""

    event: CommentPosted
    occasion: Occasion
    deps: Deps
    hearing: Hearing
    pull: PullRequestFacts
    head: str  # read once, for all commands of the comment
    may_write: bool
    approved: set[str] = field(default_factory=set)  # by the commands of this comment so far

    @property
    def repository_id(self) -> int:
        """Give the id of our row."""
        return self.occasion.repository_id

    @property
    def is_author(self) -> bool:
        """Tell whether the pull request's author speaks."""
        return self.event.author.id == self.pull.author.id

    @property
    def prefix(self) -> str:
        """Give what a command begins with."""
        return self.deps.settings.command_prefix
