"""Files, refs, comparisons and merge requests in GitLab's words, over a world in memory."""

import base64
from typing import Any

from integrations.fake.answer import Answer, Refusal
from integrations.fake.gitlab_found import merge_request_of, project_of
from integrations.fake.repository import Shown
from integrations.fake.world import FakeRepository, World


def file(world: World, project_id: str, path: str, query: Any) -> Answer:
    """GET /projects/:id/repository/files/:file_path."""
    found = project_of(world, project_id)
    commit = found.resolve(query.get("ref", ""))
    if commit is None:
        raise Refusal(404, "404 Commit Not Found")
    data = found.content(path, commit)
    if data is None:
        raise Refusal(404, "404 File Not Found")
    return Answer(200, {"size": len(data), "encoding": "base64", "content": base64.b64encode(data).decode()})


def branch(world: World, project_id: str, name: str, _query: Any) -> Answer:
    """GET /projects/:id/repository/branches/:branch."""
    return _named(name, project_of(world, project_id).head(name))


def branches(world: World, project_id: str, query: Any) -> Answer:
    """GET /projects/:id/repository/branches."""
    found = sorted(project_of(world, project_id).branches.items())
    size, page = int(query.get("per_page", 20)), int(query.get("page", 1))
    listed = [{"name": name, "commit": {"id": commit}} for name, commit in found]
    return Answer(200, listed[size * (page - 1) : size * page])


def commit(world: World, project_id: str, sha: str, _query: Any) -> Answer:
    """GET /projects/:id/repository/commits/:sha."""
    made_at = project_of(world, project_id).made_at(sha)
    if made_at is None:
        raise Refusal(404, "404 Commit Not Found")
    return Answer(200, {"id": sha, "committed_date": made_at.isoformat()})


def tag(world: World, project_id: str, name: str, _query: Any) -> Answer:
    """GET /projects/:id/repository/tags/:tag_name."""
    return _named(name, project_of(world, project_id).tags.get(name))


def _named(name: str, commit: str | None) -> Answer:
    if commit is None:
        raise Refusal(404, "404 Not Found")
    return Answer(200, {"name": name, "commit": {"id": commit}})


def merge_base(world: World, project_id: str, query: Any) -> Answer:
    """GET /projects/:id/repository/merge_base."""
    found = project_of(world, project_id)
    refs = [found.resolve(each) for each in query["refs[]"]]
    shared = found.merge_base(refs[0], refs[1]) if refs[0] and refs[1] else None
    if shared is None:
        raise Refusal(404, "404 Merge Base Not Found")
    return Answer(200, {"id": shared})


def compare(world: World, project_id: str, query: Any) -> Answer:
    """GET /projects/:id/repository/compare."""
    found = project_of(world, project_id)
    ends = found.resolve(query["from"]), found.resolve(query["to"])
    if not ends[0] or not ends[1]:
        raise Refusal(404, "404 Not Found")
    diffs = [{"old_path": path, "new_path": path} for path in found.changed(ends[0], ends[1])]
    between = [{"id": sha, "parent_ids": parents} for sha, parents in reversed(found.parents(ends[0], ends[1]).items())]
    return Answer(200, {"commits": between, "diffs": diffs, "compare_timeout": False})


def merge_request(world: World, project_id: str, iid: str, _query: Any) -> Answer:
    """GET /projects/:id/merge_requests/:merge_request_iid."""
    found = project_of(world, project_id)
    shown = merge_request_of(found, iid)
    return Answer(200, {**_described(found, shown), "diff_refs": {"start_sha": shown.base_sha}})


def merge_requests(world: World, project_id: str, query: Any) -> Answer:
    """GET /projects/:id/merge_requests: the open ones, the newest first."""
    found = project_of(world, project_id)
    size, page = int(query.get("per_page", 20)), int(query.get("page", 1))
    shown = [found.pulls[each] for each in sorted(found.pulls, reverse=True) if each not in found.closed]
    return Answer(200, [_described(found, each) for each in shown[size * (page - 1) : size * page]])


def _described(project: FakeRepository, shown: Shown) -> dict[str, Any]:
    source = None if shown.fork_is_gone else (shown.fork or project).id
    return {
        "iid": shown.number,
        "state": "closed" if shown.number in project.closed else "opened",
        "title": shown.title,
        "draft": shown.draft,
        "sha": shown.head,
        "source_branch": shown.branch,
        "target_branch": shown.base,
        "source_project_id": source,
        "target_project_id": project.id,
        "author": {"id": shown.author.id, "username": shown.author.name},
        "labels": list(project.labels.get(shown.number, ())),
    }


ROUTES = (
    ("GET", r"/projects/(\d+)/repository/branches", branches),
    ("GET", r"/projects/(\d+)/repository/commits/([^/]+)", commit),
    ("GET", r"/projects/(\d+)/repository/files/([^/]+)", file),
    ("GET", r"/projects/(\d+)/repository/branches/([^/]+)", branch),
    ("GET", r"/projects/(\d+)/repository/tags/([^/]+)", tag),
    ("GET", r"/projects/(\d+)/repository/merge_base", merge_base),
    ("GET", r"/projects/(\d+)/repository/compare", compare),
    ("GET", r"/projects/(\d+)/merge_requests", merge_requests),
    ("GET", r"/projects/(\d+)/merge_requests/(\d+)", merge_request),
)
