"""Each forge over its real client, against a forge in memory over HTTP; and that one in this process."""

import dataclasses
from typing import Any

import pytest

from integrations.events import Actor
from integrations.fake import deliveries
from integrations.fake.forge import FakeForge
from integrations.fake.server import GITHUB, GITLAB, FakeServer
from integrations.fake.world import FakeRepository, World
from integrations.forge import CommitStatus, Forge, Permission, StatusState
from integrations.github.forge import GitHub
from integrations.gitlab.forge import GitLab
from tests.specs.serving import serving

SECRET = "hook-secret-for-tests"
TOKEN = "t" * 520  # since 2026 GitHub's tokens are longer than 255 characters
SHA = "a" * 40


@dataclasses.dataclass
class Subject:
    """One forge under the suite."""

    forge: Forge
    world: World
    repository: FakeRepository
    over_http: bool

    async def facts(self):
        return await self.forge.repository(self.repository.full_name)

    def actor(self, name):
        return Actor(id=self.world.account(name), name=name)

    def status(self, **values: Any):
        base = {
            "repository": self.repository.id,
            "full_name": self.repository.full_name,
            "commit": SHA,
            "context": "rigline/run",
            "state": StatusState.PENDING,
            "description": "1 job queued",
            "target_url": "https://rigline.example/pipelines/1",
            "ref": "main",
        }
        return CommitStatus(**{**base, **values})

    def delivery(self, **more):
        person = deliveries.Person(id=1, name="olivia")
        send = deliveries.gitlab_push if self.forge.name == "gitlab" else deliveries.github_push
        return send(self.repository, SHA, SECRET, sender=person, **more)


@pytest.fixture(params=["github", "gitlab", "fake"])
async def subject(request):
    world = World()
    repository = world.add(FakeRepository(42, "acme/app", clone_url="http://git.example/acme/app.git"))
    world.grant(42, "writer", Permission.WRITE)
    world.grant(42, "admin", Permission.ADMIN)
    world.account("stranger")
    async with serving(FakeServer(world, token=TOKEN)) as address:
        forge = made(request.param, world, address)
        yield Subject(forge, world, repository, request.param != "fake")
        await forge.close()


def made(kind, world, address):
    if kind == "fake":
        return FakeForge(world, webhook_secrets=[SECRET])
    if kind == "github":
        return GitHub(api_url=f"{address}{GITHUB}", webhook_secrets=[SECRET], token=TOKEN)
    root = address + GITLAB.removesuffix("/api/v4")
    return GitLab(url=root, webhook_secrets=[SECRET], signing_keys=[], token=TOKEN)
