"""Files, refs, comparisons and pull requests in GitHub's words, over a world in memory."""

import base64
from typing import Any

from integrations.fake.answer import Answer, Refusal
from integrations.fake.github_found import pull_of, repository_of
from integrations.fake.repository import Shown
from integrations.fake.world import FakeRepository, World

TAG_OBJECT = "0badc0de"  # annotated tags are objects whose hash begins so


def contents(world: World, owner: str, name: str, path: str, query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/contents/{path}."""
    found = repository_of(world, owner, name)
    commit = found.resolve(query.get("ref", found.default_branch))
    if commit is None:
        raise Refusal(404, f"No commit found for the ref {query.get('ref')}")
    data = found.content(path, commit)
    if data is None:
        raise Refusal(404, "Not Found")
    small = len(data) <= 1 << 20
    coded = base64.encodebytes(data).decode() if small else ""
    return Answer(200, {"type": "file", "encoding": "base64" if small else "none", "size": len(data), "content": coded})


def ref(world: World, owner: str, name: str, kind: str, named: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/git/ref/{ref}."""
    found = repository_of(world, owner, name)
    commit = found.head(named) if kind == "heads" else found.tags.get(named)
    if commit is None:
        raise Refusal(404, "Not Found")
    annotated = kind == "tags" and named in found.annotated
    sha = TAG_OBJECT + commit[len(TAG_OBJECT) :] if annotated else commit
    return Answer(
        200, {"ref": f"refs/{kind}/{named}", "object": {"sha": sha, "type": "tag" if annotated else "commit"}}
    )


def branches(world: World, owner: str, name: str, query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/branches."""
    found = sorted(repository_of(world, owner, name).branches.items())
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    listed = [{"name": branch, "commit": {"sha": commit}} for branch, commit in found]
    return Answer(200, listed[size * (page - 1) : size * page])


def commit(world: World, owner: str, name: str, sha: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/git/commits/{commit_sha}."""
    made_at = repository_of(world, owner, name).made_at(sha)
    if made_at is None:
        raise Refusal(404, "Not Found")
    return Answer(200, {"sha": sha, "committer": {"date": made_at.isoformat().replace("+00:00", "Z")}})


def tag(world: World, owner: str, name: str, sha: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/git/tags/{tag_sha}."""
    found = repository_of(world, owner, name)
    for named in found.annotated:
        commit = found.tags[named]
        if sha.startswith(TAG_OBJECT) and commit.endswith(sha[len(TAG_OBJECT) :]):
            return Answer(200, {"tag": named, "sha": sha, "object": {"sha": commit, "type": "commit"}})
    raise Refusal(404, "Not Found")


def compare(world: World, owner: str, name: str, base: str, head: str, query: Any) -> Answer:  # noqa: PLR0917 - as routed
    """GET /repos/{owner}/{repo}/compare/{basehead}."""
    found = repository_of(world, owner, name)
    commits = found.resolve(base), found.resolve(head)
    if commits[0] is None or commits[1] is None:
        raise Refusal(404, "Not Found")
    shared = found.merge_base(commits[0], commits[1])
    if shared is None:
        raise Refusal(404, f"No common ancestor between {base} and {head}.")
    files = [{"filename": path, "status": "modified"} for path in found.changed(commits[0], commits[1])][:300]
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    between = list(reversed(found.parents(commits[0], commits[1]).items()))[size * (page - 1) : size * page]
    return Answer(
        200,
        {
            "status": _relation(commits[0], commits[1], shared),
            "merge_base_commit": {"sha": shared},
            "commits": [{"sha": sha, "parents": [{"sha": each} for each in parents]} for sha, parents in between],
            "files": files if page == 1 else [],
        },
    )


def _relation(base: str, head: str, shared: str) -> str:
    if base == head:
        return "identical"
    return {head: "behind", base: "ahead"}.get(shared, "diverged")


def pull(world: World, owner: str, name: str, number: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}."""
    found = repository_of(world, owner, name)
    return Answer(200, _described(found, pull_of(found, number)))


def pulls(world: World, owner: str, name: str, query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/pulls: the open ones, the newest first."""
    found = repository_of(world, owner, name)
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    shown = [found.pulls[each] for each in sorted(found.pulls, reverse=True) if each not in found.closed]
    return Answer(200, [_described(found, each) for each in shown[size * (page - 1) : size * page]])


def _described(repository: FakeRepository, pull: Shown) -> dict[str, Any]:
    source = None if pull.fork_is_gone else pull.fork or repository
    return {
        "number": pull.number,
        "state": "closed" if pull.number in repository.closed else "open",
        "title": pull.title,
        "draft": pull.draft,
        "user": {"id": pull.author.id, "login": pull.author.name},
        "head": {"sha": pull.head, "ref": pull.branch, "repo": {"id": source.id} if source else None},
        "base": {"sha": pull.base_sha, "ref": pull.base, "repo": {"id": repository.id}},
        "labels": [{"name": each} for each in repository.labels.get(pull.number, ())],
    }


ROUTES = (
    ("GET", r"/repos/([^/]+)/([^/]+)/branches", branches),
    ("GET", r"/repos/([^/]+)/([^/]+)/git/commits/([0-9a-f]+)", commit),
    ("GET", r"/repos/([^/]+)/([^/]+)/contents/(.+)", contents),
    ("GET", r"/repos/([^/]+)/([^/]+)/git/ref/(heads|tags)/(.+)", ref),
    ("GET", r"/repos/([^/]+)/([^/]+)/git/tags/([0-9a-f]+)", tag),
    ("GET", r"/repos/([^/]+)/([^/]+)/compare/(.+)\.\.\.(.+)", compare),
    ("GET", r"/repos/([^/]+)/([^/]+)/pulls", pulls),
    ("GET", r"/repos/([^/]+)/([^/]+)/pulls/(\d+)", pull),
)
