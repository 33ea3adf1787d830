"""What people write, and what becomes of repositories and installations, as events of ours."""

import dataclasses

import pytest

from integrations.events import (
    CheckRerequested,
    InstallationFate,
    MergeGroupDestroyed,
    PullRequestAction,
    RepositoryFate,
)
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Person, Pull
from integrations.forge import Malformed
from integrations.github import parse as github
from integrations.gitlab import parse as gitlab

HUB, LAB = FakeRepository(1, "acme/app"), FakeRepository(2, "acme/sub/group/app")
ANNA, BEN, BOT = Person(id=7, name="anna"), Person(id=8, name="ben"), Person(id=9, name="rig[bot]", is_bot=True)
A, B = "a" * 40, "b" * 40
PULL = Pull(number=5, head=A, branch="x", author=ANNA)


def hub(made):
    return github.to_event(made.headers["X-GitHub-Event"], made.body)


def lab(made):
    return gitlab.to_event(made.headers["X-Gitlab-Event"], made.body)


def comment(text="/rig run", **more):
    return hub(deliveries.github_comment(HUB, PULL, text, "s", **{"author": ANNA, "comment": 11, **more}))


def note(text="/rig run", **more):
    return lab(deliveries.gitlab_note(LAB, PULL, text, "s", **{"author": ANNA, "note": 11, **more}))


def test_a_comment_is_named_by_its_id_and_says_no_commit():
    said = comment("a\r\nb\0c")

    assert (said.repository, said.number, said.key, said.comment) == (1, 5, "comment:11", 11)
    assert (said.text, said.commit, said.seen_commit, said.approves) == ("a\nbc", None, None, False)
    assert (said.author.id, said.is_open, said.is_bot) == (7, True, False)
    assert said.posted_at is not None


def test_only_new_comments_on_pull_requests_count():
    assert comment(action="edited") is None
    assert comment(action="deleted") is None
    assert comment(on_issue=True) is None
    assert comment(closed=True).is_open is False
    assert note(action="update") is None
    assert note(system=True) is None
    assert [note(on=each) for each in ("Issue", "Commit", "Snippet")] == [None, None, None]
    assert note(state="merged").is_open is False


def test_bots_are_known_by_what_the_forge_says_of_them():
    assert comment(author=BOT).is_bot
    assert comment(sender=BOT).is_bot
    assert note(author=Person(id=3, name="project_12_bot_0af3")).is_bot
    assert note(author=Person(id=3, name="group_12_bot")).is_bot
    assert not note(author=Person(id=3, name="project_bot_lover")).is_bot


def test_a_note_of_before_gitlab_told_the_action_counts_and_its_commit_is_the_head():
    said = note(action=None)

    assert (said.key, said.commit, said.seen_commit, said.repository) == ("comment:11", A, None, 2)
    assert said.is_confidential is False
    assert note(confidential=True).is_confidential is True


def test_a_note_by_another_than_its_author_says_both():
    said = note(sender=BEN)

    assert (said.author.id, said.sender.id) == (7, 8)


def test_a_review_is_bound_to_the_commit_that_its_writer_saw():
    said = hub(deliveries.github_review(HUB, PULL, "ok", "s", author=BEN, commit=B, review=3, state="approved"))

    assert (said.key, said.comment, said.seen_commit, said.commit, said.approves) == ("review:3", 3, B, A, True)
    assert hub(deliveries.github_review(HUB, PULL, None, "s", author=BEN)) is None
    assert hub(deliveries.github_review(HUB, PULL, None, "s", author=BEN, state="approved")).approves
    assert hub(deliveries.github_review(HUB, PULL, "x", "s", author=BEN, action="edited")) is None


def test_a_comment_on_a_line_is_bound_too():
    said = hub(deliveries.github_review_comment(HUB, PULL, "/rig run", "s", author=BEN, commit=B, comment=4))

    assert (said.key, said.seen_commit, said.commit) == ("review_comment:4", B, A)


@pytest.mark.parametrize(
    ("action", "more", "wanted"),
    [
        ("ready_for_review", {}, PullRequestAction.READY),
        ("converted_to_draft", {}, PullRequestAction.DRAFTED),
        ("edited", {"changes": {"base": {"ref": {"from": "x"}}}}, PullRequestAction.RETARGETED),
        ("labeled", {"label": "fast"}, PullRequestAction.LABELLED),
        ("edited", {"changes": {"title": {"from": "x"}}}, None),
        ("edited", {}, None),
        ("unlabeled", {"label": "fast"}, None),
    ],
)
def test_marks_of_a_pull_request(action, more, wanted):
    said = hub(deliveries.github_pull_request(HUB, action, PULL, "s", **more))

    assert (said and said.action) == wanted


@pytest.mark.parametrize(
    ("changes", "draft", "wanted"),
    [
        ({"draft": {"previous": True, "current": False}}, False, PullRequestAction.READY),
        ({"draft": {"previous": False, "current": True}}, True, PullRequestAction.DRAFTED),
        ({"target_branch": {"previous": "a", "current": "b"}}, False, PullRequestAction.RETARGETED),
        ({"labels": {"previous": [], "current": [{"title": "fast"}]}}, False, PullRequestAction.LABELLED),
        ({"labels": {"previous": [{"title": "fast"}], "current": []}}, False, None),
        ({"title": {"previous": "a", "current": "b"}}, False, None),
    ],
)
def test_marks_of_a_merge_request(changes, draft, wanted):
    pull = dataclasses.replace(PULL, draft=draft)
    said = lab(deliveries.gitlab_merge_request(LAB, "update", pull, "s", changes=changes))

    assert (said and said.action) == wanted


def test_gitlab_tells_of_several_new_labels_at_once():
    changes = {"labels": {"previous": [{"title": "old"}], "current": [{"title": t} for t in ("old", "one", "two")]}}
    pull = dataclasses.replace(PULL, labels=("old", "one", "two"))
    said = lab(deliveries.gitlab_merge_request(LAB, "update", pull, "s", changes=changes))

    assert (said.label, said.new_labels, said.labels) == ("one", ("one", "two"), ("old", "one", "two"))


def test_an_author_that_is_gone_is_nobody_who_may_anything():
    body = deliveries.github_pull_request(HUB, "opened", PULL, "s").body.replace(b'"user": {', b'"was": {', 1)
    with pytest.raises(Malformed):
        github.to_event("pull_request", body)
    body = body.replace(b'"was": {', b'"user": null, "was": {', 1)
    assert github.to_event("pull_request", body).author.name == "ghost"


def test_merge_queues_and_reruns():
    ended = hub(deliveries.github_merge_group(HUB, "destroyed", A, "s", sender=ANNA, reason="merged"))
    one = hub(deliveries.github_check_rerequested(HUB, A, "s", sender=ANNA, external_id="job:4"))
    whole = hub(deliveries.github_check_rerequested(HUB, A, "s", sender=ANNA))

    assert ended == MergeGroupDestroyed(repository=1, repository_name="acme/app", commit=A, merged=True)
    assert isinstance(one, CheckRerequested) and (one.external_id, whole.external_id) == ("job:4", None)


def test_what_becomes_of_a_repository():
    def fate(action, **more):
        said = hub(deliveries.github_repository(HUB, action, "s", sender=ANNA, **more))
        return said and said.fate

    assert [fate(each) for each in ("renamed", "transferred", "deleted", "privatized")] == [
        *(RepositoryFate.RENAMED, RepositoryFate.TRANSFERRED, RepositoryFate.DELETED, RepositoryFate.CHANGED)
    ]
    assert fate("edited", changes={"default_branch": {"from": "x"}}) is RepositoryFate.CHANGED
    assert [fate("edited", changes={"homepage": {}}), fate("created"), fate("archived")] == [None, None, None]
    moved = lab(deliveries.gitlab_project(LAB, "project_transfer", "s"))
    assert (moved.repository, moved.repository_name, moved.fate) == (
        2,
        "acme/sub/group/app",
        RepositoryFate.TRANSFERRED,
    )


def test_what_becomes_of_an_installation():
    def said(action):
        return hub(deliveries.github_installation(action, 31, "acme", "s", sender=ANNA, repositories=[HUB]))

    assert (said("created").fate, said("created").added) == (InstallationFate.CREATED, (1,))
    assert (said("deleted").fate, said("deleted").removed) == (InstallationFate.DELETED, (1,))
    assert (said("suspend").fate, said("unsuspend").account) == (InstallationFate.SUSPENDED, "acme")
    assert said("new_permissions_accepted") is None
    more = hub(deliveries.github_installation_repositories(31, "acme", "s", sender=ANNA, added=[HUB]))
    assert (more.fate, more.added, more.removed) == (InstallationFate.REPOSITORIES, (1,), ())


@pytest.mark.parametrize(
    "name", ["../..", "acme/..", "a", "", "a/b c", "a\x00/b", "/a/b", "a//b", "é/b", "a/" + "b" * 512]
)
def test_a_name_that_is_none_renames_nothing(name):
    made = deliveries.github_push(FakeRepository(1, name), A, "s", sender=ANNA)

    assert hub(made).repository_name == ""
