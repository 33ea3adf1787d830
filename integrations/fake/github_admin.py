"""Webhooks, check runs, the App and accounts in GitHub's words, over a world in memory."""

from typing import Any

from integrations.fake.answer import Answer, Refusal
from integrations.fake.app import FakeApp
from integrations.fake.github_found import repository_of
from integrations.fake.repository import FakeHook
from integrations.fake.world import World

_CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")


def hooks(world: World, owner: str, name: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/hooks: never with their secrets."""
    found = repository_of(world, owner, name)
    return Answer(200, [_hook(each) for each in found.hooks.values()])


def create_hook(world: World, owner: str, name: str, data: Any) -> Answer:
    """POST /repos/{owner}/{repo}/hooks."""
    found = repository_of(world, owner, name)
    config = data["config"]
    if any(each.url == config["url"] for each in found.hooks.values()):
        raise Refusal(422, "Validation Failed: Hook already exists on this repository")
    made = FakeHook(found.next_id(), config["url"], config["secret"], tuple(data["events"]))
    found.hooks[made.id] = made
    return Answer(201, _hook(made))


def edit_hook(world: World, owner: str, name: str, hook: str, data: Any) -> Answer:
    """PATCH /repos/{owner}/{repo}/hooks/{hook_id}."""
    found = repository_of(world, owner, name).hooks.get(int(hook))
    if found is None:
        raise Refusal(404, "Not Found")
    found.secret, found.events = data["config"]["secret"], tuple(data["events"])
    return Answer(200, _hook(found))


def _hook(hook: FakeHook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "active": True,
        "events": list(hook.events),
        "config": {"url": hook.url, "secret": "********"},
    }


def deliveries(world: World, owner: str, name: str, hook: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries, the newest first."""
    found = repository_of(world, owner, name).hooks.get(int(hook))
    if found is None:
        raise Refusal(404, "Not Found")
    return Answer(200, found.deliveries[::-1])


def attempt(world: World, owner: str, name: str, hook: str, delivery: str, _data: Any) -> Answer:
    """POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts."""
    repository_of(world, owner, name).hooks[int(hook)].asked_again.append(int(delivery))
    return Answer(202, {})


def create_check(world: World, owner: str, name: str, data: Any) -> Answer:
    """POST /repos/{owner}/{repo}/check-runs: for Apps alone."""
    found = repository_of(world, owner, name)
    if world.app is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    made = found.next_id()
    found.checks[made] = _check(data)
    return Answer(201, {"id": made})


def edit_check(world: World, owner: str, name: str, check: str, data: Any) -> Answer:
    """PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}: annotations are added to those of earlier calls."""
    known, changed = _known_check(world, owner, name, check), _check(data)
    before = _annotations(known)
    known |= changed
    known["output"] = {**known["output"], "annotations": [*before, *_annotations(changed)]}
    return Answer(200, {"id": int(check)})


def check(world: World, owner: str, name: str, check: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/check-runs/{check_run_id}."""
    return Answer(200, _shown_check(int(check), _known_check(world, owner, name, check)))


def checks_of(world: World, owner: str, name: str, sha: str, query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/commits/{ref}/check-runs, the newest first."""
    every = repository_of(world, owner, name).checks
    found = [each for each in sorted(every, reverse=True) if every[each]["head_sha"] == sha]
    found = [each for each in found if query.get("check_name") in (None, every[each]["name"])]
    return Answer(200, {"total_count": len(found), "check_runs": [_shown_check(each, every[each]) for each in found]})


def _known_check(world: World, owner: str, name: str, check: str) -> dict[str, Any]:
    found = repository_of(world, owner, name).checks.get(int(check))
    if found is None:
        raise Refusal(404, "Not Found")
    return found


def _annotations(check: dict[str, Any]) -> list[Any]:
    return list(check["output"].get("annotations", ()))


def _shown_check(number: int, check: dict[str, Any]) -> dict[str, Any]:
    output = {key: value for key, value in check["output"].items() if key != "annotations"}
    return {**check, "id": number, "output": {**output, "annotations_count": len(_annotations(check))}}


def _check(data: Any) -> dict[str, Any]:
    ended = data.get("status") == "completed"
    known = data.get("conclusion") in _CONCLUSIONS if ended else data.get("status") in ("queued", "in_progress")
    if not known or len(data["output"].get("annotations", ())) > 50:
        raise Refusal(422, "Validation Failed")
    return dict(data)


def installation(world: World, owner: str, name: str, _query: Any) -> Answer:
    """GET /repos/{owner}/{repo}/installation."""
    found = repository_of(world, owner, name)
    if found.installation is None:
        raise Refusal(404, "Not Found")
    return Answer(200, {"id": found.installation, "account": {"login": owner}})


def access_token(world: World, number: str, data: Any) -> Answer:
    """POST /app/installations/{installation_id}/access_tokens."""
    app = _app(world)
    if int(number) in app.suspended:
        raise Refusal(403, "This installation has been suspended")
    if not any(each.installation == int(number) for each in world.repositories.values()):
        raise Refusal(404, "Not Found")
    return Answer(201, app.mint(int(number), data or {}))


def app(world: World, _query: Any) -> Answer:
    """GET /app."""
    return Answer(200, {"id": int(_app(world).id), "slug": _app(world).slug})


def installations(world: World, query: Any) -> Answer:
    """GET /app/installations."""
    found = sorted({each.installation for each in world.repositories.values() if each.installation is not None})
    return Answer(200, [{"id": each} for each in found][: int(query.get("per_page", 30))])


def app_deliveries(world: World, _query: Any) -> Answer:
    """GET /app/hook/deliveries, the newest first."""
    return Answer(200, _app(world).deliveries[::-1])


def app_attempt(world: World, delivery: str, _data: Any) -> Answer:
    """POST /app/hook/deliveries/{delivery_id}/attempts."""
    _app(world).asked_again.append(int(delivery))
    return Answer(202, {})


def converted(world: World, code: str, _data: Any) -> Answer:
    """POST /app-manifests/{code}/conversions: once, for an hour."""
    made = world.manifests.pop(code, None)
    if made is None:
        raise Refusal(404, "Not Found")
    return Answer(201, made)


def user(world: World, _query: Any) -> Answer:
    """GET /user: who the token belongs to."""
    return Answer(200, {"id": world.account("rigline"), "login": "rigline"})


def account(world: World, name: str, _query: Any) -> Answer:
    """GET /users/{username}."""
    return Answer(200, {"id": world.account(name), "login": name})


def _app(world: World) -> FakeApp:
    if world.app is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    return world.app


ROUTES = (
    ("GET", r"/user", user),
    ("GET", r"/users/([^/]+)", account),
    ("GET", r"/app", app),
    ("GET", r"/app/installations", installations),
    ("GET", r"/app/hook/deliveries", app_deliveries),
    ("POST", r"/app/hook/deliveries/(\d+)/attempts", app_attempt),
    ("POST", r"/app/installations/(\d+)/access_tokens", access_token),
    ("POST", r"/app-manifests/([^/]+)/conversions", converted),
    ("GET", r"/repos/([^/]+)/([^/]+)/installation", installation),
    ("GET", r"/repos/([^/]+)/([^/]+)/hooks", hooks),
    ("POST", r"/repos/([^/]+)/([^/]+)/hooks", create_hook),
    ("PATCH", r"/repos/([^/]+)/([^/]+)/hooks/(\d+)", edit_hook),
    ("GET", r"/repos/([^/]+)/([^/]+)/hooks/(\d+)/deliveries", deliveries),
    ("POST", r"/repos/([^/]+)/([^/]+)/hooks/(\d+)/deliveries/(\d+)/attempts", attempt),
    ("POST", r"/repos/([^/]+)/([^/]+)/check-runs", create_check),
    ("PATCH", r"/repos/([^/]+)/([^/]+)/check-runs/(\d+)", edit_check),
    ("GET", r"/repos/([^/]+)/([^/]+)/check-runs/(\d+)", check),
    ("GET", r"/repos/([^/]+)/([^/]+)/commits/([0-9a-f]+)/check-runs", checks_of),
)
