"""What runs is what the rules at the base say, wherever a change comes from."""

import pytest
import sqlalchemy as sa

from app.db.queries import boards, jobs, tokens, users
from app.db.tables import builder, repository
from app.dispatch import sweep
from app.handlers import policy
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.repository import FakeRepository
from integrations.forge import Permission
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C, BASE = "a" * 40, "b" * 39 + "0", "c" * 40, "d" * 40


@pytest.fixture
async def world(world):
    policy._known.clear()  # the fake's repositories have the same ids in every test
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))
    return world


def rules(world, text, *, commit=BASE, branch="main"):
    """Commit rules to a branch."""
    for each in (world.repository, world.project):
        each.grow(commit, branch=branch, files={".rigline.toml": text.encode()})


def push(world, commit=A, *, ref="refs/heads/topic", forge="github", **more):
    target = world.repository if forge == "github" else world.project
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return send(target, commit, SECRET, ref=ref, sender=world.person(MAINTAINER), **more)


def pull(world, action="opened", head=A, *, author=MAINTAINER, sender=None, before=None, label=None, **more):
    made = Pull(number=5, head=head, branch="faster", author=world.person(author), **more)
    more = {"label": label} if label else {}
    by = world.person(sender or author)
    return deliveries.github_pull_request(world.repository, action, made, SECRET, before=before, sender=by, **more)


async def targets(world, commit=A):
    """List what a commit's jobs run on, in words."""
    ids = {each.id for each in await world.pipelines(commit=commit)}
    rows = [each for each in await world.rows(world.tables.job) if each.pipeline_id in ids and not each.replaced]
    return [f"{each.board_type} {each.configuration}" for each in rows]


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_push_of_a_branch_runs_what_the_default_branch_says(world, forge):
    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "pi4" }')

    await world.receive(push(world, forge=forge))

    assert await targets(world) == ["pi4 fast", "pi4 safe"]


async def test_a_push_to_the_default_branch_runs_what_itself_says(world):
    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "pi4" }')
    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "nucleo", configurations = "safe" }', commit=A)
    rules(world, "on = []", commit=C)  # pushed since

    await world.receive(push(world, ref="refs/heads/main"))

    assert await targets(world) == ["nucleo safe"]


async def test_a_pull_request_does_not_choose_what_runs_for_it(world):
    rules(world, '[[on]]\nevent = "pull_request"\nfilter = { boards = "pi4", configurations = "safe" }\ntimeout = "5m"')
    own = b'[[on]]\nevent = "pull_request"\ntimeout = "24h"\nrepeat = 100'
    world.repository.grow(A, BASE, branch="faster", files={".rigline.toml": own})

    await world.receive(pull(world))

    assert await targets(world) == ["pi4 safe"]
    [opened] = await world.pipelines()
    assert (opened.limit_s, opened.repeat) == (300, 1)


async def test_a_pull_request_runs_what_its_target_branch_says(world):
    rules(world, '[[on]]\nevent = "pull_request"\nfilter = { boards = "pi4" }')
    rules(world, '[[on]]\nevent = "pull_request"\nfilter = { boards = "nucleo" }', commit=C, branch="release/1")

    await world.receive(pull(world, base="release/1"))

    assert await targets(world) == ["nucleo fast", "nucleo safe"]


async def test_a_rule_says_how_the_work_is_done_and_shown(world):
    rules(
        world,
        """
        [defaults]
        comment = "always"
        [[on]]
        name = "smoke"
        event = ["push", "pull_request"]
        kind = "build"
        timeout = "90s"
        repeat = 3
        priority = "nightly"
        filter = { types = "pi4", configurations = "fast" }
        [[on]]
        event = "pull_request"
        status = "none"
        """,
    )

    await world.receive(pull(world))

    smoke, run = await world.rows(world.tables.pipeline)
    assert (smoke.rule, smoke.kind, smoke.limit_s, smoke.repeat) == ("smoke", "build", 90, 3)
    assert (smoke.comment_style, smoke.compare_with) == ("always", None)
    assert (await world.rows(world.tables.job))[0].priority == "nightly"
    assert (run.rule, run.limit_s) == ("run", None)
    assert list(world.forges.latest(A)) == ["rigline/smoke"]
    told = (await world.http.get(f"/api/v1/pipelines/{smoke.id}")).json()
    assert (told["rule"], told["jobs"][0]["needs"], told["jobs"][0]["facts"]) == ("smoke", [], {})
    assert "<bdi>smoke</bdi>" in (await world.http.get(f"/pipelines/{smoke.id}")).text


async def test_one_rule_for_pushes_and_pull_requests_measures_a_commit_once(world):
    rules(world, '[[on]]\nname = "all"\nevent = ["push", "pull_request"]')

    await world.receive(push(world, ref="refs/heads/faster"))
    await world.receive(pull(world))

    [opened] = await world.pipelines()
    assert (opened.branch, opened.pull_request) == ("faster", 5)


async def test_a_pull_request_is_held_against_the_commit_where_it_left_its_base(world):
    world.repository.grow(BASE, branch="main")
    world.repository.grow(A, BASE, branch="faster")
    world.repository.grow(C, BASE, branch="main")

    await world.receive(pull(world))

    [row] = await world.rows(world.tables.pipeline)
    assert row.compare_with == BASE


async def test_nothing_runs_that_no_rule_asks_for(world):
    rules(world, '[[on]]\nevent = "push"\nbranches = ["main", "release/**"]')

    await world.receive(push(world))
    await world.receive(pull(world))
    await world.receive(push(world, B, ref="refs/heads/release/1"))

    assert [each.commit for each in await world.pipelines()] == [B]
    assert (await world.verdicts())[:2] == ["no rule asks for anything"] * 2


BAD = '[[on]]\nevent = "push"\n\nbrnches = ["main"]\n'
SAID = ".rigline.toml:4: unknown key 'brnches' in [[on]]; did you mean 'branches'?"


async def test_rules_that_cannot_be_used_are_an_error_with_line_and_nearest_word_until_they_are_put_right(world):
    rules(world, BAD)

    await world.receive(push(world))
    [broken] = await world.pipelines()
    assert (broken.state, broken.error, broken.counts) == ("errored", SAID, {})
    assert (world.shown(A).state, world.shown(A).description) == ("error", f"Nothing was run: {SAID}")
    page = await world.http.get(f"/pipelines/{broken.id}")
    assert "did you mean &#39;branches&#39;?" in page.text

    rules(world, BAD.replace("brnches", "branches").replace("main", "topic"), commit=C)
    await world.receive(push(world))
    [mended] = await world.pipelines()
    assert (mended.id, mended.state, mended.error) == (broken.id, "queued", None)
    assert world.shown(A).state == "pending"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("boards = ['nuclea']", "There is no board 'nuclea'. Did you mean 'nucleo'? Known: nucleo, pi4."),
        ("types = ['stm']", "There is no board type 'stm'. Known: nucleo, pi4."),
        ("configurations = ['fats']", "There is no configuration 'fats'. Did you mean 'fast'? Known: fast, safe."),
        ("tags = ['-slow']", "There is no tag 'slow'. Known: none."),
        ("os = ['linus']", "There is no builder whose os is 'linus'. Did you mean 'linux'? Known: linux."),
    ],
)
async def test_a_word_that_nobody_offers_is_an_error_with_its_line_and_nothing_runs(world, part, said):
    async with world.deps.begin() as db:
        await db.execute(builder.update().values(facts={"os": "linux"}))
    rules(world, f"[[on]]\nevent = 'push'\nfilter = [\n {{ boards = ['pi4'] }},\n {{ {part} }},\n]")

    await world.receive(push(world))

    [broken] = await world.pipelines()
    assert (broken.state, broken.counts) == ("errored", {})
    assert broken.error == f".rigline.toml:5: {said}"


async def test_without_rules_of_its_own_a_repository_follows_those_on_the_service(world):
    async with world.deps.begin() as db:
        await db.execute(repository.update().values(policy='[[on]]\nevent = "push"\nfilter = { boards = "pi4" }'))
    await world.receive(push(world))
    assert await targets(world) == ["pi4 fast", "pi4 safe"]

    async with world.deps.begin() as db:
        await db.execute(repository.update().values(policy="[[on]]\nevent = 3"))
    await world.receive(push(world, B))
    [broken] = await world.pipelines(commit=B)
    assert broken.error == "the rules kept on the service:2: event: must be a text, not 3"

    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "nucleo" }')
    await world.receive(push(world, C))
    assert await targets(world, C) == ["nucleo fast", "nucleo safe"]


async def test_a_forge_that_is_down_delays_what_the_rules_want_and_loses_nothing(world):
    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "pi4" }')
    world.forges.fail(502, times=20)
    await world.receive(push(world))
    assert await world.pipelines() == []
    assert "waits for the forge" in (await world.verdicts())[0]

    world.forges.failures.clear()
    await world.deps.tasks.put("handle_delivery", (await world.rows(world.tables.delivery))[0].id)
    await world.work()
    assert await targets(world) == ["pi4 fast", "pi4 safe"]


async def test_rules_that_the_forge_refuses_to_show_stop_everything(world):
    world.forges.fail(403, path="contents", message="Resource not accessible by personal access token")

    await world.receive(push(world))

    [broken] = await world.pipelines()
    assert broken.state == "errored"
    assert broken.error.startswith(".rigline.toml:1: cannot be read: ")
    assert broken.error.endswith("The token needs the right to read contents.")


async def test_the_rules_of_a_commit_are_fetched_once(world):
    rules(world, '[[on]]\nevent = "push"')
    for commit in (A, B, C):
        await world.receive(push(world, commit))

    assert len([call for call in world.forges.calls if "contents" in call.path]) == 1


async def test_several_filters_make_a_matrix_of_jobs_and_each_target_runs_once(world):
    await world.offer("pi4-bsd", configurations=("fast",))
    async with world.deps.begin() as db:
        first = sa.select(sa.func.min(builder.c.id)).scalar_subquery()
        await db.execute(builder.update().values(facts={"os": "freebsd", "platform_family": "bsd"}))
        await db.execute(builder.update().where(builder.c.id == first).values(facts={"os": "linux"}))
        await db.execute(world.tables.board.update().values(type="pi4").where(world.tables.board.c.name == "pi4-bsd"))
    rules(
        world,
        """
        [[on]]
        event = "push"
        filter = [
            { types = "pi4", configurations = "fast", os = "linux" },
            { types = "pi4", configurations = "fast", os = "freebsd" },
            { boards = ["nucleo", "pi4"], configurations = "safe" },
            { boards = "nucleo", configurations = "safe" },
        ]
        """,
    )

    await world.receive(push(world))

    rows = await world.rows(world.tables.job)
    assert [(row.board_type, row.configuration, row.facts) for row in rows] == [
        ("pi4", "fast", {"os": ["linux"]}),
        ("pi4", "fast", {"os": ["freebsd"]}),
        ("nucleo", "safe", {}),
        ("pi4", "safe", {}),
    ]
    linux, bsd = (each.id for each in await world.rows(builder))
    assert [row.id for row in await candidates(world, linux, "pi4")] == [rows[0].id, rows[3].id]
    assert [row.id for row in await candidates(world, bsd, "pi4-bsd")] == [rows[1].id]
    async with world.deps.begin() as db:
        woken = await boards.takers(db, [bsd])
    assert woken == [(1, [(bsd, "pi4-bsd")])]


async def candidates(world, builder_id, board):
    async with world.deps.begin() as db:
        return await boards.candidates(db, builder_id, [board])


GROUPS = """
[[on]]
event = "push"
[[on.group]]
name = "quick"
filter = { boards = "nucleo" }
[[on.group]]
name = "slow"
filter = { boards = "pi4", configurations = "fast" }
needs = ["quick"]
[[on.group]]
name = "last"
filter = { boards = "pi4", configurations = "safe" }
needs = ["slow"]
"""


async def end(world, job_id, state):
    async with world.deps.begin() as db:
        for each in (JobState.LEASED, JobState.RUNNING, state):
            held = {"epoch": 1} if each in (JobState.LEASED, JobState.RUNNING) else {}
            assert await jobs.move(db, job_id, each, reason="", **held) is not None


async def test_a_group_starts_when_all_jobs_of_the_groups_it_needs_have_passed(world):
    rules(world, GROUPS)
    await world.receive(push(world))
    first, second, slow, last = await world.rows(world.tables.job)
    [lab] = await world.rows(builder)
    assert slow.reason == "waits for group 'quick'"
    assert await candidates(world, lab.id, "pi4") == []
    async with world.deps.begin() as db:
        assert [each for each, _ in await boards.takers(db, [lab.id])] == [1, 1]

    await end(world, first.id, JobState.PASSED)
    assert await candidates(world, lab.id, "pi4") == []
    await end(world, second.id, JobState.PASSED)
    assert [row.id for row in await candidates(world, lab.id, "pi4")] == [slow.id]
    await end(world, slow.id, JobState.PASSED)
    assert [row.id for row in await candidates(world, lab.id, "pi4")] == [last.id]


async def test_jobs_whose_needs_failed_end_skipped_with_the_reason_and_a_retry_takes_them_up_again(world):
    rules(world, GROUPS)
    await world.receive(push(world))
    first, second, slow, last = await world.rows(world.tables.job)
    await end(world, second.id, JobState.FAILED)

    await sweep.sweep(world.deps)

    assert await world.job_states(A) == [
        ("queued", ""),
        ("failed", ""),
        ("skipped", f"needs group 'quick', whose job {second.id} ended as failed"),
        ("skipped", f"needs group 'slow', whose job {slow.id} ended as skipped"),
    ]
    async with world.deps.begin() as db:
        again = [await jobs.retry(db, each.id, actor="olivia") for each in (second, slow, last)]
    await end(world, first.id, JobState.PASSED)
    await end(world, again[0], JobState.PASSED)
    await sweep.sweep(world.deps)
    [lab] = await world.rows(builder)
    assert [row.id for row in await candidates(world, lab.id, "pi4")] == [again[1]]


async def test_paths_choose_and_without_knowing_them_the_rule_runs(world):
    rules(world, '[[on]]\nevent = ["push", "pull_request"]\npaths = ["src/**", "!**/*.md"]')
    world.repository.grow(A, BASE, files={"docs/a.md": b"", "src/b.md": b""})
    world.repository.grow(B, A, files={"src/main.c": b""})

    await world.receive(push(world, A, before=BASE))
    await world.receive(push(world, B, before=A))
    await world.receive(pull(world, head=A))
    assert [each.commit for each in await world.pipelines()] == [B]

    world.forges.fail(404, path="compare")
    await world.receive(push(world, C, before="e" * 40))
    assert [each.commit for each in await world.pipelines()] == [B, C]


LABEL = """
[[on]]
name = "bench"
event = "label"
labels = ["Run benchmarks on HW"]
remove_label = true
"""


async def test_a_label_runs_its_rule_each_time_it_is_set_and_is_taken_off_again(world):
    rules(world, LABEL)
    world.repository.labels[5] = ["Run benchmarks on HW", "bug"]
    await world.receive(pull(world))
    assert await world.pipelines() == []

    for _ in range(2):
        await world.receive(pull(world, "labeled", label="Run benchmarks on HW"))
    await world.receive(pull(world, "labeled", label="bug"))

    assert [each.commit for each in await world.pipelines()] == [A, A]
    assert world.repository.labels[5] == ["bug"]
    assert list(world.forges.latest(A)) == ["rigline/bench"]


async def test_a_label_set_by_somebody_who_may_not_write_runs_nothing(world):
    rules(world, LABEL)
    world.forges.grant(world.repository.id, "triager", Permission.READ)

    await world.receive(pull(world, "labeled", label="Run benchmarks on HW", sender="triager"))

    assert await world.pipelines() == []
    assert "may not write" in (await world.verdicts())[0]


async def test_a_label_is_no_trust_unless_the_rules_say_so(world):
    fork = world.forges.add(FakeRepository(99, "stranger/firmware"))
    given = {"author": OUTSIDER, "sender": MAINTAINER, "fork": fork}
    rules(world, LABEL)
    await world.receive(pull(world, "labeled", label="Run benchmarks on HW", **given))
    assert {state for state, _ in await world.job_states(A)} == {"awaiting_approval"}

    rules(world, '[trust]\napprove_labels = ["ok"]\n' + LABEL, commit=C)
    await world.receive(pull(world, "labeled", label="ok", **given))
    assert {state for state, _ in await world.job_states(A)} == {"queued"}
    [opened] = await world.pipelines()
    assert opened.trust == f"approved by {MAINTAINER}"


async def test_a_pull_request_rule_may_ask_for_a_label_or_take_drafts(world):
    rules(world, '[[on]]\nevent = "pull_request"\ndrafts = true\nlabels = ["hw"]')
    await world.receive(pull(world, draft=True))
    assert await world.pipelines() == []

    await world.receive(pull(world, "synchronize", B, before=A, draft=True, labels=("hw",)))
    assert [each.commit for each in await world.pipelines()] == [B]


@pytest.mark.parametrize(
    ("how", "states"),
    [("none", ["running", "queued"]), ("waiting", ["running", "cancelled"]), ("all", ["stopping", "cancelled"])],
)
async def test_a_rule_says_what_a_newer_head_of_a_pull_request_ends(world, how, states):
    rules(world, f'[[on]]\nevent = "pull_request"\nfilter = {{ boards = "pi4" }}\nsupersede = "{how}"')
    await world.receive(pull(world, updated_at="2026-01-31T12:00:00Z"))
    held, _ = await world.rows(world.tables.job)
    async with world.deps.begin() as db:
        for each in (JobState.LEASED, JobState.RUNNING):
            await jobs.move(db, held.id, each, epoch=1)

    await world.receive(pull(world, "synchronize", B, before=A, updated_at="2026-01-31T12:00:01Z"))

    rows = await world.rows(world.tables.job)
    found = ["stopping" if each.cancel_requested_at else each.state.value for each in rows[:2]]
    assert found == states
    assert {each.state for each in rows[2:]} == {"queued"}


async def test_pushes_supersede_only_if_the_rules_say_so_and_by_where_the_branch_is_now(world):
    await world.receive(push(world, A))
    await world.receive(push(world, B, before=A))
    assert {state for state, _ in await world.job_states(A)} == {"queued"}

    rules(world, '[[on]]\nevent = "push"\nsupersede = "waiting"')
    world.repository.grow(C, B, branch="topic")
    await world.receive(push(world, C, before=B))
    await world.receive(push(world, B, before=A))  # late: the branch is at C
    assert {state for state, _ in await world.job_states(A)} == {"cancelled"}
    assert {state for state, _ in await world.job_states(C)} == {"queued"}


async def test_an_admin_keeps_rules_on_the_service_and_sees_those_that_count(world):
    headers = {"Authorization": f"Bearer {await admin_token(world)}"}
    row = next(each for each in await world.rows(repository) if each.forge == "github")
    address = f"/api/v1/repositories/{row.id}/policy"

    before = (await world.http.get(address, headers=headers)).json()
    kept = await world.http.put(address, json={"text": '[[on]]\nschedule = "nightly"'}, headers=headers)
    wrong = await world.http.put(address, json={"text": "[[on]]\nevent = 'x'"}, headers=headers)
    rules(world, '[[on]]\nevent = "push"')
    own = (await world.http.get(address, headers=headers)).json()
    rules(world, BAD, commit=C)
    bad = (await world.http.get(address, headers=headers)).json()
    gone = await world.http.delete(address, headers=headers)

    assert (before["source"], [each["name"] for each in before["rules"]], before["text"]) == ("built-in", ["run"], None)
    assert (kept.status_code, kept.json()["source"]) == (200, "service")
    assert kept.json()["rules"] == [{"name": "run", "events": ["schedule"], "kind": "run", "schedule": "nightly"}]
    assert wrong.status_code == 422
    assert wrong.json()["error"]["message"].startswith("the rules kept on the service:2: event: 'x' is none of its words")
    assert (own["source"], own["commit"], own["text"]) == ("repository", BASE, '[[on]]\nschedule = "nightly"')
    assert (bad["source"], bad["error"]) == (None, SAID)
    assert gone.status_code == 204
    assert (await world.http.get(address)).status_code == 401
    said = [each.action for each in await world.rows(world.tables.audit)]
    assert [each for each in said if "policy" in each] == ["repository.policy_set", "repository.policy_cleared"]


async def admin_token(world):
    async with world.deps.begin() as db:
        user = await users.add(db, "ada", password_hash=None, role=users.Role.ADMIN)
        _, text = await tokens.add(db, user, "test", lifetime=None)
    return text
