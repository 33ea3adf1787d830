"""A delivery's JSON becomes one of our events, or nothing, or Malformed; never anything else."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from integrations import payload
from integrations.events import Event, PullRequestAction, PullRequestChanged, Push, RefDeleted
from integrations.fake import deliveries
from integrations.fake.deliveries import Person, Pull
from integrations.fake.world import FakeRepository
from integrations.forge import Malformed
from integrations.github import parse as github
from integrations.gitlab import parse as gitlab

PAYLOADS = Path(__file__).with_name("payloads")
REPOSITORY, PERSON = FakeRepository(1, "acme/app"), Person(id=7, name="olivia")
A, B = "a" * 40, "b" * 40
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OURS = {
    "push": (github, deliveries.github_push(REPOSITORY, A, "s", sender=PERSON)),
    "pull_request": (
        github,
        deliveries.github_pull_request(
            REPOSITORY, "synchronize", Pull(number=1, head=A, branch="x", author=PERSON), "s", before=B
        ),
    ),
    "Push Hook": (gitlab, deliveries.gitlab_push(REPOSITORY, A, "s", sender=PERSON)),
    "Merge Request Hook": (
        gitlab,
        deliveries.gitlab_merge_request(
            REPOSITORY, "update", Pull(number=1, head=A, branch="x", author=PERSON), "s", oldrev=B
        ),
    ),
}


def real(name):
    return (PAYLOADS / f"{name}.json").read_bytes()


def test_a_push_as_github_sends_it():
    event = github.to_event("push", real("github-push"))

    assert isinstance(event, Push)
    assert (event.repository, event.repository_name, event.branch) == (186853002, "Codertocat/Hello-World", "master")
    assert (event.before, event.sender.name) == (None, "Codertocat")


def test_a_deleted_tag_as_github_sends_it():
    event = github.to_event("push", real("github-push-tag-deleted"))

    assert event == RefDeleted(
        repository=186853002, repository_name="Codertocat/Hello-World", ref="refs/tags/simple-tag"
    )


def test_a_moved_head_as_github_sends_it():
    event = github.to_event("pull_request", real("github-pull-request-synchronize"))

    assert isinstance(event, PullRequestChanged)
    assert (event.action, event.number, event.from_fork) == (PullRequestAction.SYNCHRONISED, 2, False)
    assert event.before is not None and event.changed_at is not None
    assert event.fetch_ref == "refs/pull/2/head"


@pytest.mark.parametrize("kind", list(OURS))
def test_reading_does_not_depend_on_what_else_is_in_the_body(kind):
    parser, made = OURS[kind]
    data = json.loads(made.body)

    assert parser.to_event(kind, json.dumps({**data, "new": [{"deep": 1}]}).encode()) == parser.to_event(
        kind, made.body
    )


@settings(max_examples=150, deadline=None)
@given(kind=some.sampled_from(list(OURS)), data=some.data())
def test_whatever_stands_in_a_field_is_an_event_or_malformed(kind, data):
    parser, made = OURS[kind]
    body = json.loads(made.body)
    place = body
    while True:  # walk down to some field and put something else there
        name = data.draw(some.sampled_from(sorted(place)))
        if isinstance(place[name], dict) and place[name] and data.draw(some.booleans()):
            place = place[name]
            continue
        if data.draw(some.booleans()):
            place[name] = data.draw(JSON)
        else:
            del place[name]
        break
    assert_event_or_malformed(parser, kind, json.dumps(body).encode())


@settings(max_examples=150, deadline=None)
@given(kind=some.sampled_from(list(OURS)), body=some.binary(max_size=60) | JSON.map(lambda it: json.dumps(it).encode()))
def test_any_bytes_are_an_event_or_malformed(kind, body):
    assert_event_or_malformed(OURS[kind][0], kind, body)
    with contextlib.suppress(Malformed):
        assert payload.id_in(body, "repository") is None or isinstance(payload.id_in(body, "repository"), int)


@pytest.mark.parametrize(
    ("field", "value"), [("id", 2**63), ("id", 0), ("id", -1), ("id", True), ("id", "1"), ("id", 1.5)]
)
def test_an_id_that_no_database_takes_is_malformed(field, value):
    body = json.loads(OURS["push"][1].body)
    body["repository"][field] = value

    with pytest.raises(Malformed):
        github.to_event("push", json.dumps(body).encode())


def test_a_branch_longer_than_a_column_is_malformed():
    assert len(payload.branch("x" * 255)) == 255
    with pytest.raises(Malformed):
        payload.branch("x" * 256)


def assert_event_or_malformed(parser, kind, body):
    try:
        event = parser.to_event(kind, body)
    except Malformed as problem:
        assert len(str(problem)) < 500
    else:
        assert event is None or isinstance(event, Event)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"ref":' + b"[" * 100_000, b'{"a":{' * 50_000])
def test_deep_nesting_is_malformed_and_no_crash(body):
    with pytest.raises(Malformed):
        github.to_event("push", body)
    with pytest.raises(Malformed):
        payload.id_in(body, "repository")


@settings(max_examples=200, deadline=None)
@given(some.text())
def test_a_title_is_one_clean_bounded_line(text):
    title = payload.title(text)

    assert len(title) <= payload.MAX_TITLE
    assert "\n" not in title and "\0" not in title and "\u202e" not in title
    title.encode()


@settings(max_examples=200, deadline=None)
@given(some.text(max_size=60))
def test_a_ref_that_passes_has_nothing_that_git_or_a_shell_line_would_trip_over(text):
    try:
        ref = payload.ref(f"refs/heads/{text}")
    except Malformed:
        return
    assert not any(sign in ref for sign in (" ", "~", "^", ":", "?", "*", "[", "\\", "..", "@{", "\0", "\n", "\x7f"))


def test_gitlabs_two_ways_to_write_a_time_are_the_same():
    assert payload.moment("2026-01-31 12:00:00 UTC") == payload.moment("2026-01-31T12:00:00Z")
    assert payload.moment("yesterday") is None
    assert payload.moment(None) is None


def test_the_repository_of_a_merge_request_is_the_one_it_is_for():
    fork = FakeRepository(2, "stranger/app")
    made = deliveries.gitlab_merge_request(
        REPOSITORY, "open", Pull(number=1, head=A, branch="x", author=PERSON, fork=fork), "s"
    )
    event = gitlab.to_event("Merge Request Hook", made.body)

    assert (event.repository, event.source_repository, event.from_fork) == (1, 2, True)
