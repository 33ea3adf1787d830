"""Bodies of all webhooks and system hooks that GitLab documents, with all their fields; the values are made up here.

Every address leads to where nobody must ever ask.
"""

from typing import Any

from integrations.fake.deliveries import ZERO, FakeRepository, Person

AT, LATER = "2026-01-31 12:00:00 UTC", "2026-01-31 12:05:00 UTC"
ISO = "2026-01-31T12:00:00Z"
NOWHERE = "http://169.254.169.254"
Body = dict[str, Any]


def user(person: Person) -> Body:
    """Describe who made an event."""
    picture = f"{NOWHERE}/{person.id}.png"
    return {
        "id": person.id,
        "name": person.name.title(),
        "username": person.name,
        "avatar_url": picture,
        "email": "[REDACTED]",
    }


def project(about: FakeRepository) -> Body:
    """Describe a project."""
    home, ssh = f"{NOWHERE}/{about.full_name}", f"git@169.254.169.254:{about.full_name}.git"
    return {
        **{"id": about.id, "name": "Firmware", "description": "", "web_url": home, "avatar_url": None},
        **{"git_ssh_url": ssh, "git_http_url": f"{home}.git", "namespace": "Group", "visibility_level": 20},
        **{"path_with_namespace": about.full_name, "default_branch": about.default_branch, "ci_config_path": None},
        **{"homepage": home, "url": ssh, "ssh_url": ssh, "http_url": f"{home}.git"},
    }


def repository(about: FakeRepository) -> Body:
    """Describe the same once more, as older versions did."""
    names = ("name", "url", "description", "homepage", "git_http_url", "git_ssh_url", "visibility_level")
    return {name: project(about)[name] for name in names}


def commit(sha: str) -> Body:
    """Describe a commit whose names are its author's to choose."""
    return {
        **{"id": sha, "message": "Make it faster\n\nBy much.\n", "title": "Make it faster", "timestamp": ISO},
        **{"url": f"{NOWHERE}/commit/{sha}", "author": {"name": "maintainer", "email": "a@users.example"}},
        **{"added": ["new.c"], "modified": ["src/main.c"], "removed": []},
    }


def push(
    about: FakeRepository,
    by: Person,
    before: str,
    after: str,
    ref: str,
    *,
    points_at: str | None = None,
    is_found: bool = True,
) -> Body:
    """Say that a branch or tag moved.

    Args:
        points_at: the commit of an annotated tag.
        is_found: whether GitLab still found it when it wrote this.
    """
    kind, head = ("tag_push" if ref.startswith("refs/tags/") else "push"), points_at or after
    gone = after == ZERO
    return {
        **{"object_kind": kind, "event_name": kind, "before": before, "after": after, "ref": ref},
        **{"ref_protected": True, "checkout_sha": head if is_found and not gone else None, "message": None},
        **{"user_id": by.id, "user_name": by.name.title(), "user_username": by.name, "user_email": None},
        **{"user_avatar": f"{NOWHERE}/a.png", "project_id": about.id, "project": project(about)},
        **{"commits": [] if gone else [commit(head)], "total_commits_count": 0 if gone else 1, "push_options": {}},
        "repository": repository(about),
    }


def attributes(about: FakeRepository, by: Person, iid: int, head: str, *, fork: FakeRepository | None = None) -> Body:
    """Describe a merge request."""
    source = fork or about
    return {
        **{"id": 900 + iid, "iid": iid, "target_branch": "main", "source_branch": f"topic-{iid}"},
        **{"source_project_id": source.id, "target_project_id": about.id, "author_id": by.id, "assignee_id": None},
        **{"assignee_ids": [by.id], "reviewer_ids": [by.id], "title": "Make it faster", "created_at": AT},
        **{"updated_at": AT, "last_edited_at": None, "last_edited_by_id": None, "milestone_id": None, "state_id": 1},
        **{"state": "opened", "blocking_discussions_resolved": True, "work_in_progress": False, "draft": False},
        **{"first_contribution": False, "merge_status": "unchecked", "detailed_merge_status": "mergeable"},
        **{"description": "/rig run", "prepared_at": AT, "total_time_spent": 0, "time_change": 0, "time_estimate": 0},
        **{"human_total_time_spent": None, "human_time_change": None, "human_time_estimate": None},
        **{"head_pipeline_id": None, "merge_commit_sha": None, "merge_error": None, "merge_user_id": None},
        **{"merge_params": {"force_remove_source_branch": "1"}, "merge_when_pipeline_succeeds": False},
        **{"updated_by_id": by.id, "url": f"{NOWHERE}/mr/{iid}", "source": project(source), "target": project(about)},
        **{"last_commit": commit(head), "labels": [label(7, "fast")]},
    }


def label(number: int, title: str) -> Body:
    """Describe a label."""
    return {
        **{"id": number, "title": title, "color": "#00ff00", "project_id": 77, "created_at": AT, "updated_at": AT},
        **{"template": False, "description": "", "type": "ProjectLabel", "group_id": None},
    }


def merge_request(
    about: FakeRepository, by: Person, iid: int, head: str, action: str, *, changes: Body | None = None, **more: Any
) -> Body:
    """Say that a merge request changed; more attributes replace those of `attributes`."""
    fork = more.pop("fork", None)
    reviewer = {**user(by), "state": "unreviewed", "re_requested": False}
    return {
        **{"object_kind": "merge_request", "event_type": "merge_request", "user": user(by), "project": project(about)},
        "repository": repository(about),
        "object_attributes": {**attributes(about, by, iid, head, fork=fork), "action": action, **more},
        **{"labels": [label(7, "fast")], "changes": changes or {}, "assignees": [user(by)], "reviewers": [reviewer]},
    }


def note(about: FakeRepository, by: Person, number: int, text: str, on: str, beside: Body, **more: Any) -> Body:
    """Say that somebody commented on something, which is described beside it."""
    told = {
        **{"attachment": None, "author_id": by.id, "change_position": None, "commit_id": None, "created_at": AT},
        **{"discussion_id": "d15c", "id": number, "internal": False, "line_code": None, "note": text},
        **{"noteable_id": 901, "noteable_type": on, "original_position": None, "position": None},
        **{"project_id": about.id, "resolved_at": None, "resolved_by_id": None, "resolved_by_push": None},
        **{"st_diff": None, "system": False, "type": None, "updated_at": AT, "updated_by_id": None},
        **{"description": text, "url": f"{NOWHERE}/note/{number}", "action": "create", **more},
    }
    return {
        **{"object_kind": "note", "event_type": "note", "user": user(by), "project_id": about.id},
        **{"project": project(about), "object_attributes": told, "repository": repository(about), **beside},
    }


def issue(by: Person) -> Body:
    """Describe an issue."""
    return {
        **{"id": 301, "iid": 23, "title": "It is slow", "assignee_ids": [by.id], "assignee_id": by.id},
        **{"author_id": by.id, "project_id": 77, "created_at": AT, "updated_at": AT, "updated_by_id": by.id},
        **{"last_edited_at": None, "last_edited_by_id": None, "relative_position": 0, "description": "/rig run"},
        **{"milestone_id": None, "state_id": 1, "state": "opened", "confidential": False, "discussion_locked": None},
        **{"due_date": None, "moved_to_id": None, "duplicated_to_id": None, "time_estimate": 0, "total_time_spent": 0},
        **{"time_change": 0, "human_total_time_spent": None, "human_time_estimate": None, "human_time_change": None},
        **{"weight": None, "health_status": None, "type": "Issue", "url": f"{NOWHERE}/issue/23", "severity": "low"},
        **{"labels": [label(7, "fast")]},
    }


def others(about: FakeRepository, by: Person, sha: str) -> dict[str, tuple[str, Body]]:
    """List what leads to nothing: the header's kind and the body, by what it is about."""
    base = {"user": user(by), "project": project(about)}
    return (
        _issues(about, by)
        | _of_people(about, by, sha)
        | {
            "pipeline": ("Pipeline Hook", _pipeline(about, by, sha)),
            "job": ("Job Hook", _job(about, by, sha)),
            "deployment": ("Deployment Hook", _deployment(about, by, sha)),
            "release": ("Release Hook", _release(about, sha)),
            "vulnerability": ("Vulnerability Hook", _vulnerability(about)),
            "member": ("Member Hook", _member("user_add_to_group", by)),
            "subgroup": ("Subgroup Hook", {**_group("subgroup_create"), "parent_group_id": 1, "parent_full_path": "g"}),
            "something of tomorrow": ("Tomorrow Hook", {"object_kind": "tomorrow", **base}),
        }
    )


def _issues(about: FakeRepository, by: Person) -> dict[str, tuple[str, Body]]:
    changed = {"title": {"previous": "a", "current": "b"}, "updated_at": {"previous": AT, "current": LATER}}
    named = {"user": user(by), "project": project(about), "repository": repository(about)}
    named |= {"assignees": [user(by)], "assignee": user(by), "labels": [label(7, "fast")], "changes": changed}
    told = {**issue(by), "action": "open"}
    return {
        "issue": ("Issue Hook", {"object_kind": "issue", "event_type": "issue", **named, "object_attributes": told}),
        "confidential issue": (
            "Confidential Issue Hook",
            {"object_kind": "issue", "event_type": "confidential_issue", **named, "object_attributes": told},
        ),
        "work item": (
            "Issue Hook",
            {
                "object_kind": "work_item",
                "event_type": "work_item",
                **named,
                "object_attributes": {**told, "type": "Task"},
            },
        ),
    }


def _of_people(about: FakeRepository, by: Person, sha: str) -> dict[str, tuple[str, Body]]:
    base = {"user": user(by), "project": project(about)}
    wiki = {"web_url": NOWHERE, "git_ssh_url": "", "git_http_url": NOWHERE, "default_branch": "m"}
    wiki |= {"path_with_namespace": f"{about.full_name}.wiki"}
    page = {"title": "Home", "content": "/rig run", "format": "markdown", "message": "m", "slug": "home"}
    page |= {"url": NOWHERE, "action": "create", "diff_url": NOWHERE, "version_id": sha}
    flag = {"id": 6, "name": "fast", "description": "", "active": True}
    stone = {"id": 61, "iid": 10, "title": "v1", "description": "", "state": "active", "created_at": AT}
    stone |= {"updated_at": AT, "due_date": None, "start_date": None, "group_id": None, "project_id": about.id}
    award = {"user_id": by.id, "created_at": AT, "id": 1, "name": "eyes", "awardable_type": "Note", "awardable_id": 3}
    award |= {"updated_at": AT, "action": "award", "awarded_on_url": NOWHERE}
    expiring = {"user_id": by.id, "created_at": AT, "id": 25, "name": "bot", "expires_at": "2026-02-01"}
    told = {
        "wiki page": ("Wiki Page Hook", "wiki_page", page, {"wiki": wiki}),
        "feature flag": ("Feature Flag Hook", "feature_flag", flag, {"user_url": NOWHERE}),
        "milestone": ("Milestone Hook", "milestone", stone, {"action": "create"}),
        "emoji": ("Emoji Hook", "emoji", award, {"event_type": "award", "project_id": about.id}),
        "token": ("Resource Access Token Hook", "access_token", expiring, {"event_name": "expiring_access_token"}),
    }
    return {
        name: (header, {"object_kind": kind, **base, "object_attributes": attributes, **more})
        for name, (header, kind, attributes, more) in told.items()
    }


def system(about: FakeRepository, by: Person, sha: str) -> dict[str, Body]:
    """List what only an instance says and what leads to nothing, by its `event_name`."""
    of_user = {"created_at": ISO, "updated_at": ISO, "email": "x@users.example", "name": "X", "username": "x"}
    of_user |= {"user_id": by.id, "state": "blocked"}
    team = {"created_at": ISO, "updated_at": ISO, "access_level": "Maintainer", "project_id": about.id}
    team |= {"project_name": "Firmware", "project_path": "firmware", "project_path_with_namespace": about.full_name}
    team |= {"user_email": "x@users.example", "user_name": "X", "user_username": "x", "user_id": by.id}
    team |= {"project_visibility": "private"}
    key = {"created_at": ISO, "updated_at": ISO, "username": "x", "key": "ssh-ed25519 AAAA", "id": 4}
    moved = [{"before": ZERO, "after": sha, "ref": "refs/heads/unheard"}]
    update = {"user_id": by.id, "user_name": "X", "user_email": None, "user_avatar": None, "project_id": about.id}
    update |= {"project": project(about), "changes": moved, "refs": ["refs/heads/unheard"]}
    found = {"repository_update": update, "key_create": key, "key_destroy": key}
    found |= {f"user_{each}": of_user for each in ("create", "destroy", "failed_login", "rename")}
    found |= {f"user_{each}_team": team for each in ("add_to", "remove_from", "update_for")}
    found |= {f"user_access_request_{each}_project": team for each in ("to", "revoked_for")}
    found |= {f"group_{each}": _group(f"group_{each}") for each in ("create", "destroy", "rename")}
    found |= {f"user_{each}_group": _member("", by) for each in ("add_to", "remove_from", "update_for")}
    found["project_create"] = of_project(about)
    return {name: {**body, "event_name": name} for name, body in found.items()} | {
        "member approval": _member_approval("gitlab_subscription_member_approval", "enqueue", by),
        "member approvals": _member_approval("gitlab_subscription_member_approvals", "approve", by),
    }


def of_project(about: FakeRepository) -> Body:
    """Say what becomes of a project; its `event_name` is to be added."""
    return {
        **{"created_at": ISO, "updated_at": ISO, "name": "Firmware", "owner_email": "", "owner_name": "Group"},
        **{"owners": [{"name": "Group", "email": ""}], "path": "firmware", "path_with_namespace": about.full_name},
        **{"project_id": about.id, "project_visibility": "internal", "project_namespace_id": 5},
        **{"old_path_with_namespace": "group/older"},
    }


def _member_approval(kind: str, action: str, by: Person) -> Body:
    told = {"new_access_level": 30, "old_access_level": 10, "existing_member_id": 123}
    return {
        **{"object_kind": kind, "action": action, "object_attributes": told, "user_id": by.id},
        **{"requested_by_user_id": by.id, "reviewed_by_user_id": by.id, "promotion_namespace_id": 5},
        **{"created_at": ISO, "updated_at": ISO},
    }


def _group(event: str) -> Body:
    named = {"name": "Sub", "path": "sub", "full_path": "g/sub", "old_path": "s", "old_full_path": "g/s"}
    return {"created_at": ISO, "updated_at": ISO, "event_name": event, "group_id": 78, **named}


def _member(event: str, by: Person) -> Body:
    return {
        **{"created_at": ISO, "updated_at": ISO, "group_name": "G", "group_path": "g", "group_id": 78},
        **{"user_username": "x", "user_name": "X", "user_email": "x@users.example", "user_id": by.id},
        **{"group_access": "Owner", "group_plan": None, "expires_at": None, "event_name": event},
    }


def _pipeline(about: FakeRepository, by: Person, sha: str) -> Body:
    told = {"id": 31, "iid": 3, "name": "CI", "ref": "main", "tag": False, "sha": sha, "before_sha": sha}
    told |= {"source": "merge_request_event", "status": "success", "detailed_status": "passed", "stages": ["test"]}
    told |= {
        "created_at": AT,
        "finished_at": AT,
        "duration": 63,
        "queued_duration": 10,
        "variables": [],
        "url": NOWHERE,
    }
    build = {"id": 380, "stage": "test", "name": "unit", "status": "success", "created_at": AT, "started_at": AT}
    build |= {"finished_at": AT, "duration": 9.1, "queued_duration": 1.2, "failure_reason": None, "when": "manual"}
    build |= {"manual": True, "allow_failure": False, "user": user(by), "runner": None, "environment": None}
    build |= {"artifacts_file": {"filename": None, "size": None}}
    return {
        **{"object_kind": "pipeline", "object_attributes": told, "merge_request": attributes(about, by, 3, sha)},
        **{"user": user(by), "project": project(about), "commit": commit(sha), "builds": [build]},
        "source_pipeline": {"project": {"id": 41, "web_url": NOWHERE, "path_with_namespace": "o/p"}, "pipeline_id": 30},
    }


def _job(about: FakeRepository, by: Person, sha: str) -> Body:
    of_commit = {
        "id": 2366,
        "name": None,
        "sha": sha,
        "message": "m",
        "author_name": "x",
        "author_email": "x@y.example",
    }
    of_commit |= {"author_url": NOWHERE, "status": "created", "duration": None, "started_at": None, "finished_at": None}
    build = {"id": 1977, "name": "test", "stage": "test", "status": "created", "created_at": AT, "started_at": None}
    build |= {"finished_at": None, "duration": None, "queued_duration": 1.0, "allow_failure": False}
    build |= {"failure_reason": "script_failure"}
    runner = {
        "id": 38,
        "description": "r",
        "runner_type": "project_type",
        "active": True,
        "is_shared": False,
        "tags": [],
    }
    return {
        **{"object_kind": "build", "ref": "main", "tag": False, "before_sha": sha, "sha": sha, "retries_count": 2},
        **{f"build_{name}": value for name, value in build.items()},
        **{"pipeline_id": 2366, "project_id": about.id, "project_name": "Group / Firmware", "user": user(by)},
        **{"commit": of_commit, "repository": repository(about), "project": project(about), "runner": runner},
        **{"environment": None, "source_pipeline": None},
    }


def _deployment(about: FakeRepository, by: Person, sha: str) -> Body:
    return {
        **{"object_kind": "deployment", "status": "success", "status_changed_at": AT, "deployment_id": 15},
        **{"deployable_id": 796, "deployable_url": NOWHERE, "environment": "staging", "environment_tier": "staging"},
        **{"environment_slug": "staging", "environment_external_url": NOWHERE, "project": project(about)},
        **{"short_sha": sha[:8], "user": user(by), "user_url": NOWHERE, "commit_url": NOWHERE, "commit_title": "t"},
        "ref": "main",
    }


def _release(about: FakeRepository, sha: str) -> Body:
    assets = {"count": 1, "links": [{"id": 1, "link_type": "other", "name": "n", "url": NOWHERE}], "sources": []}
    return {
        **{"id": 1, "created_at": AT, "description": "/rig run", "name": "v1", "released_at": AT, "tag": "v1"},
        **{"object_kind": "release", "project": project(about), "url": NOWHERE, "action": "create"},
        **{"assets": assets, "commit": commit(sha)},
    }


def _vulnerability(about: FakeRepository) -> Body:
    told = {"url": NOWHERE, "title": "CVE", "state": "confirmed", "project_id": about.id, "location": {"file": "a"}}
    told |= {"cvss": [], "severity": "high", "severity_overridden": False, "identifiers": [], "issues": []}
    told |= {"report_type": "dependency_scanning", "confirmed_at": AT, "confirmed_by_id": 1, "dismissed_at": None}
    told |= {"dismissed_by_id": None, "resolved_at": None, "resolved_by_id": None, "auto_resolved": False}
    told |= {"resolved_on_default_branch": False, "created_at": AT, "updated_at": AT}
    return {"object_kind": "vulnerability", "object_attributes": told}
