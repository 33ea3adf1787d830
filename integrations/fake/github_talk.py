"""Comments, reactions and labels in GitHub's words, over a world in memory."""

from typing import Any

from integrations.fake.answer import Answer, Refusal
from integrations.fake.github_found import repository_of
from integrations.fake.world import World

MOST_CHARACTERS = 65_536
_KEYS = {"issues/comments": "comment", "pulls/comments": "review_comment", "issues": "pull_request"}
_REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def create_comment(world: World, owner: str, name: str, number: str, data: Any) -> Answer:
    """POST /repos/{owner}/{repo}/issues/{issue_number}/comments."""
    found = repository_of(world, owner, name)
    made = found.write(int(number), _text(data))
    return Answer(201, {"id": made.id, "body": made.text})


def comments(world: World, owner: str, name: str, number: str, query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/comments."""
    there = [each for each in repository_of(world, owner, name).comments.values() if each.number == int(number)]
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    return Answer(200, [{"id": each.id, "body": each.text} for each in there[size * (page - 1) : size * page]])


def edit_comment(world: World, owner: str, name: str, comment: str, data: Any) -> Answer:
    """PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}."""
    found = repository_of(world, owner, name).comments.get(int(comment))
    if found is None:
        raise Refusal(404, "Not Found")
    found.text, found.edits = _text(data), found.edits + 1
    return Answer(200, {"id": found.id, "body": found.text})


def react(world: World, owner: str, name: str, about: str, data: Any) -> Answer:
    """POST …/reactions; 200 if it is there already."""
    found = repository_of(world, owner, name)
    kind, _, number = about.rpartition("/")
    if data.get("content") not in _REACTIONS:
        raise Refusal(422, "Validation Failed")
    is_new = found.react(f"{_KEYS[kind]}:{number}", data["content"])
    return Answer(201 if is_new else 200, {"id": 1, "content": data["content"]})


def remove_label(world: World, owner: str, name: str, number: str, label: str, _data: Any) -> Answer:
    """DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}."""
    labels = repository_of(world, owner, name).labels.get(int(number), [])
    if label not in labels:
        raise Refusal(404, "Label does not exist")
    labels.remove(label)
    return Answer(200, [{"name": each} for each in labels])


def _text(data: Any) -> str:
    text = data.get("body") if isinstance(data, dict) else None
    if not isinstance(text, str) or not text or len(text) > MOST_CHARACTERS:
        raise Refusal(422, "Validation Failed")
    return text


ROUTES = (
    ("GET", r"/repos/([^/]+)/([^/]+)/issues/(\d+)/comments", comments),
    ("POST", r"/repos/([^/]+)/([^/]+)/issues/(\d+)/comments", create_comment),
    ("PATCH", r"/repos/([^/]+)/([^/]+)/issues/comments/(\d+)", edit_comment),
    ("POST", r"/repos/([^/]+)/([^/]+)/((?:issues/comments|pulls/comments|issues)/\d+)/reactions", react),
    ("DELETE", r"/repos/([^/]+)/([^/]+)/issues/(\d+)/labels/([^/]+)", remove_label),
)
