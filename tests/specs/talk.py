"""People who comment on a pull request, and what they see then: the verbs of the tests of commands."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.db.tables import heard, job, pipeline
from app.reporting import answers, comments
from integrations.fake import deliveries, said
from integrations.fake.deliveries import Delivery, Pull
from integrations.fake.repository import FakeComment
from tests.specs.world import SECRET, World

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
FORGES = ("github", "gitlab")
OURS = "<!-- rigline answers"


class Talk:
    """One pull request on one forge, and everybody who speaks there."""

    def __init__(self, world: World, forge: str = "github", *, fork: bool = False, author: str = "author") -> None:
        self.world, self.forge = world, forge
        self.home = world.repository if forge == "github" else world.project
        self.said = 0
        self.pull = Pull(
            number=9, head=A, branch="faster", author=world.person(author), fork=world.fork if fork else None
        )
        self.show()

    def show(self, **changes: Any) -> None:
        """Let the forge show the pull request, changed."""
        self.pull = Pull(**{**vars(self.pull), **changes})
        self.home.pulls[self.pull.number] = self.pull

    async def open(self, action: str = "opened", **more: Any) -> None:
        """Bring the pull request to the service."""
        if self.forge == "github":
            made = deliveries.github_pull_request(self.home, action, self.pull, SECRET, **more)
        else:
            kind = {"opened": "open", "synchronize": "update"}.get(action, action)
            made = deliveries.gitlab_merge_request(self.home, kind, self.pull, SECRET, **more)
        await self.world.receive(made)

    def delivery(self, text: str, *, by: str = "maintainer", number: int | None = None, **more: Any) -> Delivery:
        """Write a comment, without bringing it."""
        if number is None:
            self.said += 1
        number, author = number or self.said, self.world.person(by)
        if self.forge == "github":
            return said.github_comment(self.home, self.pull, text, SECRET, author=author, comment=number, **more)
        return said.gitlab_note(self.home, self.pull, text, SECRET, author=author, note=number, **more)

    async def say(self, text: str, *, by: str = "maintainer", **more: Any) -> list[str]:
        """Comment, let all follow that follows, and give the replies that came."""
        before = len(self.replies())
        await self.world.receive(self.delivery(text, by=by, **more))
        await self.answered()
        return self.replies()[before:]

    async def review(self, text: str | None, *, by: str = "maintainer", **more: Any) -> list[str]:
        """Review, on GitHub."""
        before = len(self.replies())
        self.said += 1
        made = said.github_review(
            self.home, self.pull, text, SECRET, author=self.world.person(by), review=self.said, **more
        )
        await self.world.receive(made)
        await self.answered()
        return self.replies()[before:]

    async def answered(self) -> None:
        """Let reactions, replies and the comment go out."""
        await answers.send_due(self.world.deps)
        await comments.send_due(self.world.deps)

    def replies(self) -> list[str]:
        """List our replies, without their mark."""
        ours: Sequence[FakeComment] = [each for each in self.home.comments.values() if each.text.startswith(OURS)]
        return [each.text.partition("\n")[2] for each in ours]

    def sticky(self) -> list[str]:
        """List our other comments: there is one at most."""
        return [each.text for each in self.home.comments.values() if not each.text.startswith(OURS)]

    def reactions(self, number: int | None = None) -> list[str]:
        """List the reactions to a comment, by default the last one."""
        return self.home.reactions.get(f"comment:{number or self.said}", [])

    async def pipelines(self) -> list[Any]:
        """List the pipelines that commands opened, the oldest first."""
        async with self.world.deps.begin() as db:
            asked = sa.select(pipeline).where(pipeline.c.trigger == "command").order_by(pipeline.c.id)
            return list(await db.execute(asked))

    async def targets(self, pipeline_id: int) -> list[tuple[str, str]]:
        """List what a pipeline covers."""
        async with self.world.deps.begin() as db:
            asked = sa.select(job.c.board_type, job.c.configuration).where(job.c.pipeline_id == pipeline_id)
            return sorted((row[0], row[1]) for row in await db.execute(asked))

    async def states(self, commit: str | None = None) -> list[str]:
        """List the states of the jobs of a commit, by default the head."""
        return [state for state, _ in await self.world.job_states(commit or self.pull.head)]

    async def heard(self) -> list[Any]:
        """List the comments that held commands."""
        return await self.world.rows(heard)
