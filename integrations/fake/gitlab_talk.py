"""Notes, award emoji, labels and webhooks in GitLab's words, over a world in memory."""

from typing import Any

from integrations.fake.answer import Answer, Refusal
from integrations.fake.gitlab_found import merge_request_of, project_of
from integrations.fake.repository import FakeHook
from integrations.fake.world import World

_REACTIONS = {"eyes": "eyes", "thumbsdown": "-1"}  # in the words of the world


def create_note(world: World, project_id: str, iid: str, data: Any) -> Answer:
    """POST /projects/:id/merge_requests/:iid/notes."""
    made = project_of(world, project_id).write(int(iid), _text(data))
    return Answer(201, {"id": made.id, "body": made.text})


def notes(world: World, project_id: str, iid: str, query: Any) -> Answer:
    """GET /projects/:id/merge_requests/:iid/notes, the oldest first, as we ask for."""
    there = [each for each in project_of(world, project_id).comments.values() if each.number == int(iid)]
    size, page = int(query.get("per_page", 20)), int(query.get("page", 1))
    return Answer(200, [{"id": each.id, "body": each.text} for each in there[size * (page - 1) : size * page]])


def edit_note(world: World, project_id: str, _iid: str, note: str, data: Any) -> Answer:
    """PUT /projects/:id/merge_requests/:iid/notes/:note_id."""
    found = project_of(world, project_id).comments.get(int(note))
    if found is None:
        raise Refusal(404, "404 Not found")
    found.text, found.edits = _text(data), found.edits + 1
    return Answer(200, {"id": found.id, "body": found.text})


def award(world: World, project_id: str, _iid: str, note: str, data: Any) -> Answer:
    """POST …/notes/:note_id/award_emoji."""
    found = project_of(world, project_id)
    reaction = _REACTIONS.get(data.get("name"))
    if reaction is None:
        raise Refusal(400, "name is invalid")
    if not found.react(f"comment:{note}", reaction):
        raise Refusal(404, "404 Award Emoji Name has already been taken Not Found")
    return Answer(201, {"id": 1, "name": data["name"]})


def change(world: World, project_id: str, iid: str, data: Any) -> Answer:
    """PUT /projects/:id/merge_requests/:iid, for labels alone."""
    found = project_of(world, project_id)
    merge_request_of(found, iid)
    off = data["remove_labels"].split(",")
    found.labels[int(iid)] = [each for each in found.labels.get(int(iid), ()) if each not in off]
    return Answer(200, {"iid": int(iid), "labels": found.labels[int(iid)]})


def hooks(world: World, project_id: str, _query: Any) -> Answer:
    """GET /projects/:id/hooks: never with their tokens."""
    found = project_of(world, project_id)
    return Answer(200, [{"id": each.id, "url": each.url} for each in found.hooks.values()])


def create_hook(world: World, project_id: str, data: Any) -> Answer:
    """POST /projects/:id/hooks."""
    return _hook(world, project_id, None, data)


def edit_hook(world: World, project_id: str, hook: str, data: Any) -> Answer:
    """PUT /projects/:id/hooks/:hook_id."""
    return _hook(world, project_id, int(hook), data)


def _hook(world: World, project_id: str, hook: int | None, data: Any) -> Answer:
    found = project_of(world, project_id)
    events = tuple(sorted(name for name, wanted in data.items() if name.endswith("_events") and wanted))
    made = FakeHook(hook or found.next_id(), data["url"], data["token"], events)
    found.hooks[made.id] = made
    return Answer(200 if hook else 201, {"id": made.id, "url": made.url})


def events(world: World, project_id: str, hook: str, _query: Any) -> Answer:
    """GET /projects/:id/hooks/:hook_id/events, the newest first."""
    found = project_of(world, project_id).hooks.get(int(hook))
    if found is None:
        raise Refusal(404, "404 Not found")
    told = [
        {
            "id": each["id"],
            "trigger": each["event"],
            "request_headers": {"Idempotency-Key": each["guid"]},
            "response_status": str(each["status_code"] or "internal error"),
        }
        for each in found.deliveries
    ]
    return Answer(200, told[::-1])


def resend(world: World, project_id: str, hook: str, event: str, _data: Any) -> Answer:
    """POST /projects/:id/hooks/:hook_id/events/:hook_event_id/resend."""
    project_of(world, project_id).hooks[int(hook)].asked_again.append(int(event))
    return Answer(201, {"response_status": 200})


def user(world: World, _query: Any) -> Answer:
    """GET /user: who the token belongs to."""
    return Answer(200, {"id": world.account("rigline"), "username": "rigline"})


def _text(data: Any) -> str:
    text = data.get("body") if isinstance(data, dict) else None
    if not isinstance(text, str) or not text:
        raise Refusal(400, "400 Bad request - Note {:note=>[can't be blank]}")
    return text


ROUTES = (
    ("GET", r"/user", user),
    ("GET", r"/projects/(\d+)/merge_requests/(\d+)/notes", notes),
    ("POST", r"/projects/(\d+)/merge_requests/(\d+)/notes", create_note),
    ("PUT", r"/projects/(\d+)/merge_requests/(\d+)/notes/(\d+)", edit_note),
    ("POST", r"/projects/(\d+)/merge_requests/(\d+)/notes/(\d+)/award_emoji", award),
    ("PUT", r"/projects/(\d+)/merge_requests/(\d+)", change),
    ("GET", r"/projects/(\d+)/hooks", hooks),
    ("POST", r"/projects/(\d+)/hooks", create_hook),
    ("PUT", r"/projects/(\d+)/hooks/(\d+)", edit_hook),
    ("GET", r"/projects/(\d+)/hooks/(\d+)/events", events),
    ("POST", r"/projects/(\d+)/hooks/(\d+)/events/(\d+)/resend", resend),
)
