"""Every kind of webhook and system hook that GitLab documents, and what each of them is to us."""

from integrations.events import (
    CommentPosted,
    PullRequestAction,
    Push,
    RefDeleted,
    RepositoryFate,
)
from integrations.fake.deliveries import ZERO, FakeRepository
from tests.forges import gitlab_bodies as bodies

ABOUT = FakeRepository(77, "acme/sub/group/firmware")
FORK = FakeRepository(8888, "outsider/firmware")
ELSEWHERE = FakeRepository(7878, "acme/elsewhere")  # which is not served
OPENS = (Push, PullRequestAction.OPENED, PullRequestAction.REOPENED, PullRequestAction.SYNCHRONISED)
OPENS += (PullRequestAction.READY, PullRequestAction.RETARGETED)


def sha(number):
    return f"{number:02x}" * 20


def moves(by):
    """Pushes of branches and tags, by what they are."""
    tag = "refs/tags/v1"
    return {
        "branch moved": (Push, bodies.push(ABOUT, by, sha(90), sha(1), "refs/heads/main")),
        "branch created": (Push, bodies.push(ABOUT, by, ZERO, sha(2), "refs/heads/new")),
        "branch deleted": (RefDeleted, bodies.push(ABOUT, by, sha(91), ZERO, "refs/heads/old")),
        "tag created": (Push, bodies.push(ABOUT, by, ZERO, sha(3), tag)),
        "annotated tag created": (Push, bodies.push(ABOUT, by, ZERO, sha(92), "refs/tags/v2", points_at=sha(4))),
        "tag gone meanwhile": (None, bodies.push(ABOUT, by, ZERO, sha(97), "refs/tags/v3", is_found=False)),
        "tag deleted": (RefDeleted, bodies.push(ABOUT, by, sha(3), ZERO, "refs/tags/old")),
    }


def merge_requests(by, stranger):
    """Merge requests, by what happened to them: each has a number and a head of its own."""
    labels = {"labels": {"previous": [], "current": [bodies.label(7, "fast")]}}
    draft = {"draft": {"previous": True, "current": False}, "title": {"previous": "Draft: x", "current": "x"}}
    title = {"title": {"previous": "x", "current": "y"}, "updated_at": {"previous": "", "current": bodies.LATER}}
    reviewers = {"reviewers": {"previous": [], "current": [bodies.user(by)]}}
    target = {"target_branch": {"previous": "main", "current": "next"}}
    told = {
        "opened": (PullRequestAction.OPENED, "open", {}),
        "opened from a fork": (PullRequestAction.OPENED, "open", {"fork": FORK}),
        "reopened": (PullRequestAction.REOPENED, "reopen", {}),
        "pushed to": (PullRequestAction.SYNCHRONISED, "update", {"oldrev": sha(93)}),
        "ready": (PullRequestAction.READY, "update", {"changes": draft}),
        "drafted": (PullRequestAction.DRAFTED, "update", {"changes": draft, "draft": True}),
        "another target": (PullRequestAction.RETARGETED, "update", {"changes": target}),
        "labelled": (PullRequestAction.LABELLED, "update", {"changes": labels}),
        "title": (None, "update", {"changes": title}),
        "reviewers": (None, "update", {"changes": reviewers}),
        "nothing said": (None, "update", {}),
        "closed": (PullRequestAction.CLOSED, "close", {"state": "closed"}),
        "merged": (PullRequestAction.CLOSED, "merge", {"state": "merged", "merge_commit_sha": sha(94)}),
        **{each: (None, each, {}) for each in ("approved", "unapproved", "approval", "unapproval")},
        "of tomorrow": (None, "teleported", {}),
        "by the system": (None, "unapproved", {"system": True, "system_action": "approvals_reset_on_push"}),
    }
    return {
        f"merge request {name}": (
            action,
            bodies.merge_request(
                ABOUT, stranger if "fork" in more else by, 120 + number, sha(120 + number), what, **more
            ),
        )
        for number, (name, (action, what, more)) in enumerate(told.items())
    }


def notes(by):
    """Comments on everything that can be commented on."""
    request = {"merge_request": bodies.attributes(ABOUT, by, 60, sha(60))}
    made = {
        "merge request": (CommentPosted, "MergeRequest", request, {}),
        "line of a merge request": (CommentPosted, "MergeRequest", request, {"type": "DiffNote"}),
        "merge request, edited": (None, "MergeRequest", request, {"action": "update"}),
        "merge request, by GitLab": (None, "MergeRequest", request, {"system": True}),
        "commit": (None, "Commit", {"commit": bodies.commit(sha(61))}, {"commit_id": sha(61)}),
        "issue": (None, "Issue", {"issue": bodies.issue(by)}, {}),
        "snippet": (None, "Snippet", {"snippet": {"id": 5, "title": "t", "content": "c", "file_name": "f"}}, {}),
    }
    return {
        f"note on {name}": (kind, bodies.note(ABOUT, by, 500 + number, "/rig run", on, beside, **more))
        for number, (name, (kind, on, beside, more)) in enumerate(made.items())
    }


def project_hooks(by, stranger):
    """Say of each delivery how it is sent, what it is, and how it is classified: None leads to nothing."""
    headers = {
        "push": "Push Hook",
        "tag_push": "Tag Push Hook",
        "merge_request": "Merge Request Hook",
        "note": "Note Hook",
    }
    acted = moves(by) | merge_requests(by, stranger) | notes(by)
    found = {name: (headers[body["object_kind"]], body, kind) for name, (kind, body) in acted.items()}
    return found | {name: (header, body, None) for name, (header, body) in bodies.others(ABOUT, by, sha(95)).items()}


def system_hooks(by):
    """List those of the instance alone."""
    fates = {"rename": RepositoryFate.RENAMED, "transfer": RepositoryFate.TRANSFERRED}
    fates |= {"update": RepositoryFate.CHANGED, "destroy": RepositoryFate.DELETED}
    of_projects = {
        f"project_{name}": ({**bodies.of_project(ELSEWHERE), "event_name": f"project_{name}"}, fate)
        for name, fate in fates.items()
    }
    nothing = {name: (body, None) for name, body in bodies.system(ABOUT, by, sha(96)).items()}
    return {name: ("System Hook", body, fate) for name, (body, fate) in (of_projects | nothing).items()}


def as_system_hook(body):
    """Say the same as the instance does: its pushes show no commits, and older versions give them no `object_kind`."""
    said = {name: value for name, value in body.items() if name != "object_kind" or "event_name" not in body}
    return {**said, "commits": []} if "commits" in said else said


def opening(said):
    """List the commits that get a pipeline: those of the repository, and those of forks."""
    opens = [body for _, body, kind in said.values() if kind in OPENS]
    forks = [each for each in opens if "checkout_sha" not in each and is_of_fork(each["object_attributes"])]
    return [_commit(each) for each in opens if each not in forks], [_commit(each) for each in forks]


def is_of_fork(attributes):
    return attributes["source_project_id"] != attributes["target_project_id"]


def _commit(body):
    return body["checkout_sha"] if "checkout_sha" in body else body["object_attributes"]["last_commit"]["id"]
