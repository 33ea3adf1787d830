"""What every forge promises about files, commits, pull requests and the words on them."""

from datetime import UTC, datetime

import pytest

from integrations.events import Actor
from integrations.fake.deliveries import Person, Pull
from integrations.forge import Permanent, Reaction, Transient

BASE, FORK_POINT, HEAD, FOREIGN = "1" * 40, "2" * 40, "3" * 40, "4" * 40


@pytest.fixture
def history(subject):
    """A main branch of two commits, a topic from the first, and a commit of a fork."""
    grown = subject.repository
    grown.grow(FORK_POINT, branch="old", files={".rigline.toml": b"old"})
    grown.grow(BASE, FORK_POINT, branch="main", files={".rigline.toml": b"new", "src/a.c": b"int a;"})
    grown.grow(HEAD, FORK_POINT, branch="feature/x#1", files={"docs/b.md": b"b", "src/ä b.c": b"b"})
    grown.grow(FOREIGN, BASE, files={"evil": b"!"})
    return subject


async def test_a_file_is_read_as_it_was_at_a_commit(history):
    facts = await history.facts()

    assert await history.forge.file(facts, ".rigline.toml", BASE) == b"new"
    assert await history.forge.file(facts, ".rigline.toml", FORK_POINT) == b"old"
    assert await history.forge.file(facts, "src/ä b.c", HEAD) == b"b"
    assert await history.forge.file(facts, "src/a.c", HEAD) is None


async def test_a_file_of_more_than_a_mebibyte_is_refused(history):
    history.repository.files["big"] = b"x" * ((1 << 20) + 1)

    with pytest.raises(Permanent, match="larger"):
        await history.forge.file(await history.facts(), "big", BASE)


async def test_a_commit_that_the_forge_does_not_show_yet_is_waited_for(history):
    history.repository.unknown.add(HEAD)

    with pytest.raises(Transient):
        await history.forge.file(await history.facts(), ".rigline.toml", HEAD)


async def test_a_branch_is_at_a_commit_or_is_none(history):
    facts = await history.facts()

    assert await history.forge.branch_head(facts, "main") == BASE
    assert await history.forge.branch_head(facts, "feature/x#1") == HEAD
    assert await history.forge.branch_head(facts, "feature") is None


async def test_branches_are_listed_with_their_commits_and_a_commit_with_its_time(history):
    for number in range(120):
        history.repository.branches[f"many/{number}"] = HEAD
    facts = await history.facts()
    listed = dict(await history.forge.branches(facts))
    made_at = await history.forge.committed_at(facts, HEAD)

    assert len(listed) == 123
    assert (listed["main"], listed["feature/x#1"]) == (BASE, HEAD)
    assert abs((datetime.now(UTC) - made_at).total_seconds()) < 60
    assert await history.forge.committed_at(facts, "9" * 40) is None


async def test_a_tag_names_its_commit_also_through_an_annotated_one(history):
    history.repository.tags |= {"v1": BASE, "v2": HEAD}
    history.repository.annotated.add("v2")
    facts = await history.facts()

    assert await history.forge.tag_commit(facts, "v1") == BASE
    assert await history.forge.tag_commit(facts, "v2") == HEAD
    assert await history.forge.tag_commit(facts, "v3") is None


async def test_a_pull_request_is_described_with_its_fork(history):
    author = Person(id=5, name="olivia")
    fork = history.repository.__class__(99, "olivia/app")
    history.repository.pulls[7] = Pull(number=7, head=HEAD, branch="topic", author=author, fork=fork, base_sha=BASE)
    history.repository.labels[7] = ["bench", "docs"]
    found = await history.forge.pull_request(await history.facts(), 7)

    assert (found.head, found.head_branch, found.base_branch, found.base_commit) == (HEAD, "topic", "main", BASE)
    assert (found.author.id, found.from_fork, found.source_repository) == (5, True, 99)
    assert (found.is_open, found.is_draft, found.labels) == (True, False, ("bench", "docs"))
    assert found.fetch_ref in ("refs/pull/7/head", "refs/merge-requests/7/head")
    assert await history.forge.pull_request(await history.facts(), 8) is None


async def test_a_pull_request_whose_fork_is_gone_is_still_from_a_fork(history):
    author = Person(id=5, name="olivia")
    history.repository.pulls[7] = Pull(number=7, head=HEAD, branch="topic", author=author, fork_is_gone=True)
    found = await history.forge.pull_request(await history.facts(), 7)

    assert (found.from_fork, found.source_repository) == (True, None)


async def test_all_open_pull_requests_are_listed_the_newest_first(history):
    author = Person(id=5, name="olivia")
    for number in range(1, 131):
        history.repository.pulls[number] = Pull(number=number, head=HEAD, branch="topic", author=author)
    history.repository.closed.add(3)
    found = await history.forge.open_pull_requests(await history.facts())

    assert [each.number for each in found] == [each for each in range(130, 0, -1) if each != 3]


async def test_the_merge_base_is_where_head_left(history):
    facts = await history.facts()

    assert await history.forge.merge_base(facts, BASE, HEAD) == FORK_POINT
    assert await history.forge.merge_base(facts, BASE, "9" * 40) is None


async def test_the_commits_between_two_follow_first_parents(history):
    line = [f"{number:040x}" for number in range(1, 131)]
    for number, commit in enumerate(line):
        history.repository.grow(commit, line[number - 1] if number else HEAD, *([BASE] if number == 70 else []))
    facts = await history.facts()

    assert await history.forge.between(facts, HEAD, line[-1]) == line
    assert await history.forge.between(facts, line[2], line[4]) == line[3:5]
    assert await history.forge.between(facts, HEAD, HEAD) == []
    assert await history.forge.between(facts, BASE, line[-1]) is None  # merged in: beside the line
    assert await history.forge.between(facts, HEAD, "9" * 40) is None


async def test_a_commit_is_contained_only_if_the_branch_itself_reaches_it(history):
    facts = await history.facts()

    assert await history.forge.contains(facts, "main", FORK_POINT)
    assert await history.forge.contains(facts, "main", BASE)
    assert not await history.forge.contains(facts, "main", FOREIGN)
    assert not await history.forge.contains(facts, "main", HEAD)
    assert not await history.forge.contains(facts, "nothing", BASE)


async def test_the_paths_that_differ_are_listed_or_unknown(history):
    facts = await history.facts()

    assert await history.forge.changed_paths(facts, BASE, HEAD) == ["docs/b.md", "src/ä b.c"]


async def test_a_comment_is_written_edited_and_found_deleted(history):
    history.repository.pulls[7] = Pull(number=7, head=HEAD, branch="topic", author=Person(id=5, name="olivia"))
    facts = await history.facts()
    made = await history.forge.comment(facts, 7, "first\n\n| a | b |")
    edited = await history.forge.edit_comment(facts, 7, made, "second")
    texts = [each.text for each in history.repository.comments.values()]
    history.repository.comments.clear()

    assert (edited, texts) == (True, ["second"])
    assert not await history.forge.edit_comment(facts, 7, made, "third")


@pytest.mark.parametrize("key", ["comment:81", "review_comment:82"])
async def test_a_reaction_is_given_once(history, key):
    key = "comment:81" if history.forge.name == "gitlab" else key  # GitLab has notes alone
    facts = await history.facts()
    for _ in range(2):
        await history.forge.react(facts, 7, key, Reaction.SEEN)
    await history.forge.react(facts, 7, key, Reaction.REFUSED)

    assert history.repository.reactions == {key: ["eyes", "-1"]}


async def test_a_label_is_taken_off_once_or_twice(history):
    history.repository.pulls[7] = Pull(number=7, head=HEAD, branch="topic", author=Person(id=5, name="olivia"))
    history.repository.labels[7] = ["Run benchmarks on HW", "docs"]
    facts = await history.facts()
    for _ in range(2):
        await history.forge.remove_label(facts, 7, "Run benchmarks on HW")

    assert history.repository.labels[7] == ["docs"]


async def test_our_own_account_has_a_name_and_a_number(history):
    mine = await history.forge.whoami()

    assert mine == Actor(id=history.world.account("rigline"), name="rigline")


async def test_a_webhook_is_made_once_for_an_address(history):
    facts = await history.facts()
    first = await history.forge.create_webhook(facts, "https://rigline.example/webhooks/x", "one-secret")
    again = await history.forge.create_webhook(facts, "https://rigline.example/webhooks/x", "two-secret")

    assert first == again
    assert [each.secret for each in history.repository.hooks.values()] == ["two-secret"]


async def test_failed_deliveries_are_listed_and_asked_for_again(history):
    facts = await history.facts()
    hook = await history.forge.create_webhook(facts, "https://rigline.example/webhooks/x", "one-secret")
    made = history.repository.hooks[hook]
    made.deliveries += [
        {"id": 11, "guid": "a", "event": "push", "status_code": 502, "age_s": 50},
        {"id": 15, "guid": "a", "event": "push", "status_code": 0, "age_s": 45},
        {"id": 12, "guid": "b", "event": "push", "status_code": 500, "age_s": 40},
        {"id": 13, "guid": "b", "event": "push", "status_code": 202, "age_s": 30},
        {"id": 14, "guid": "c", "event": "pull_request", "status_code": 202, "age_s": 20},
    ]
    failed = await history.forge.failed_deliveries(facts, hook)
    for each in failed:
        await history.forge.redeliver(facts, hook, each)

    assert [(each.id, each.key) for each in failed] == [(11, "a")]
    assert made.asked_again == [11]


async def test_a_repository_without_a_webhook_of_ours_has_no_failed_deliveries(history):
    assert await history.forge.failed_deliveries(await history.facts(), None) == []
