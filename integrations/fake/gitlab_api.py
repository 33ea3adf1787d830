"""The part of GitLab's REST that Rigline uses, over a world in memory; with its state machine of statuses."""

from typing import Any

from integrations.fake import gitlab_reading, gitlab_talk
from integrations.fake.answer import Answer, Refusal
from integrations.fake.gitlab_found import project_of
from integrations.fake.world import FakeRepository, PostedStatus, World
from integrations.forge import Permission

_OPEN = ("pending", "running")
_STATES = (*_OPEN, "success", "failed", "canceled", "skipped")
_LEVELS = {Permission.NONE: 0, Permission.READ: 10, Permission.TRIAGE: 20, Permission.WRITE: 30}
_LEVELS |= {Permission.MAINTAIN: 40, Permission.ADMIN: 50}


def project(world: World, path: str, _data: Any) -> Answer:
    """GET /projects/:id, where the id is a number or a path with its slashes encoded."""
    found = world.repositories.get(int(path)) if path.isdigit() else world.by_name(path)
    if found is None:
        raise Refusal(404, "404 Project Not Found")
    return Answer(
        200,
        {
            "id": found.id,
            "path_with_namespace": found.full_name,
            "default_branch": found.default_branch,
            "visibility": "private" if found.private else "public",
            "http_url_to_repo": "http://169.254.169.254/never-used.git",
        },
    )


def member(world: World, project_id: str, user_id: str, _data: Any) -> Answer:
    """GET /projects/:id/members/all/:user_id."""
    right = project_of(world, project_id).members.get(int(user_id))
    if right is None:
        raise Refusal(404, "404 Not found")
    return Answer(200, {"id": int(user_id), "state": "active", "access_level": _LEVELS[right]})


def users(world: World, query: Any) -> Answer:
    """GET /users."""
    named = [(name, number) for name, number in world.accounts.items() if name == query.get("username")]
    return Answer(200, [{"id": number, "username": name, "state": "active"} for name, number in named])


def create_status(world: World, project_id: str, sha: str, data: Any) -> Answer:
    """POST /projects/:id/statuses/:sha."""
    found = project_of(world, project_id)
    state, name, ref = data["state"], data.get("name", "default"), data.get("ref")
    if state not in _STATES or len(data.get("target_url") or "") > 255 or len(data.get("description") or "") > 255:
        raise Refusal(400, "is invalid")
    mine = (found.id, sha, name, ref, world.token_user)
    same = [each for each in world.statuses if _key(each) == mine]
    last = same[-1] if same else None
    if last is not None and last.state in _OPEN and (last.state == state or (last.state, state) == _OPEN[::-1]):
        event = {"pending": "enqueue", "running": "run"}[state]
        raise Refusal(400, f"Cannot transition status via :{event} from :{last.state} (Reason(s): Status cannot)")
    pipeline = _pipeline(world, found, sha, ref, data.get("pipeline_id"))
    row = last.row if last is not None and last.state in _OPEN else len(world.statuses) + 1
    world.statuses.append(
        PostedStatus(
            repository=found.id,
            commit=sha,
            context=name,
            state=state,
            description=data.get("description", ""),
            target_url=data.get("target_url", ""),
            ref=ref,
            pipeline_id=pipeline,
            row=row,
            author=world.token_user,
        )
    )
    return Answer(201, {"id": row, "status": state, "name": name, "pipeline_id": pipeline})


def statuses(world: World, project_id: str, sha: str, query: Any) -> Answer:
    """GET /projects/:id/repository/commits/:sha/statuses: each row as it is now."""
    found, name = project_of(world, project_id), query.get("name")
    rows = {each.row: each for each in world.statuses if (each.repository, each.commit) == (found.id, sha)}
    listed = [each for each in rows.values() if name in (None, each.context)]
    return Answer(200, [{"id": each.row, "status": each.state, "name": each.context} for each in listed])


def _key(status: PostedStatus) -> tuple[int, str, str, str | None, str]:
    return (status.repository, status.commit, status.context, status.ref, status.author)


def _pipeline(world: World, found: FakeRepository, sha: str, ref: str | None, given: int | None) -> int:
    if given is not None:
        return given
    for each in world.statuses:
        if (each.repository, each.commit, each.ref) == (found.id, sha, ref) and each.pipeline_id is not None:
            return each.pipeline_id
    world.pipelines += 1
    return world.pipelines


ROUTES = (
    *gitlab_reading.ROUTES,
    *gitlab_talk.ROUTES,
    ("GET", r"/users", users),
    ("GET", r"/projects/([^/]+)", project),
    ("GET", r"/projects/(\d+)/members/all/(\d+)", member),
    ("POST", r"/projects/(\d+)/statuses/([0-9a-f]+)", create_status),
    ("GET", r"/projects/(\d+)/repository/commits/([0-9a-f]+)/statuses", statuses),
)
