"""The part of GitHub's REST that Rigline uses, over a world in memory; with its limits and refusals."""

from typing import Any

from integrations.fake import github_admin, github_reading, github_talk
from integrations.fake.answer import Answer, Refusal
from integrations.fake.github_found import repository_of
from integrations.fake.world import PostedStatus, World
from integrations.forge import Permission

MOST_STATUSES = 1000  # per commit and context
_STATES = ("error", "failure", "pending", "success")


def repository(world: World, owner: str, name: str, _data: Any) -> Answer:
    """GET /repos/{owner}/{repo}."""
    found = repository_of(world, owner, name)
    return Answer(
        200,
        {
            "id": found.id,
            "name": found.full_name.partition("/")[2],
            "full_name": found.full_name,
            "private": found.private,
            "default_branch": found.default_branch,
            "clone_url": "http://169.254.169.254/never-used.git",
        },
    )


def permission(world: World, owner: str, name: str, username: str, _data: Any) -> Answer:
    """GET /repos/{owner}/{repo}/collaborators/{username}/permission."""
    found = repository_of(world, owner, name)
    account = world.accounts.get(username)
    if account is None:
        raise Refusal(404, f"{username} is not a user")
    right = world.permission(found, account)
    coarse = {Permission.TRIAGE: Permission.READ, Permission.MAINTAIN: Permission.WRITE}.get(right, right)
    user = {"id": account, "login": username}
    return Answer(200, {"permission": coarse.name.lower(), "role_name": right.name.lower(), "user": user})


def create_status(world: World, owner: str, name: str, sha: str, data: Any) -> Answer:
    """POST /repos/{owner}/{repo}/statuses/{sha}."""
    found = repository_of(world, owner, name)
    if data.get("state") not in _STATES or len(data.get("description", "")) > 140:
        raise Refusal(422, "Validation Failed")
    earlier = [each for each in world.statuses if (each.commit, each.context) == (sha, data["context"])]
    if len(earlier) >= MOST_STATUSES:
        raise Refusal(422, "This SHA and context has reached the maximum number of statuses.")
    world.statuses.append(
        PostedStatus(
            repository=found.id,
            commit=sha,
            context=data["context"],
            state=data["state"],
            description=data.get("description", ""),
            target_url=data.get("target_url", ""),
        )
    )
    return Answer(201, {"id": len(world.statuses), "state": data["state"], "context": data["context"]})


ROUTES = (
    *github_reading.ROUTES,
    *github_talk.ROUTES,
    *github_admin.ROUTES,
    ("GET", r"/repos/([^/]+)/([^/]+)", repository),
    ("GET", r"/repos/([^/]+)/([^/]+)/collaborators/([^/]+)/permission", permission),
    ("POST", r"/repos/([^/]+)/([^/]+)/statuses/([0-9a-f]+)", create_status),
)
