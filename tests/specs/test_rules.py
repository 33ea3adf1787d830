"""What runs is what the rules at the base say, wherever a change comes from."""

import pytest

from app.db.queries import tokens, users
from app.db.tables import builder, repository
from app.rights import Role
from tests.specs.ruling import BASE, A, B, C, pull, push, rules, targets


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))
    return world


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
    page = (await world.http.get(f"/pipelines/{row.id}")).text
    assert f'href="/pipelines?commit={BASE}"' in page
    assert "merge base with main, by what was measured of it" in page


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


async def test_rules_of_one_repository_are_no_other_ones_though_both_have_the_commit(world):
    world.repository.grow(BASE, branch="main", files={".rigline.toml": b"on = []"})
    world.project.grow(BASE, branch="main")

    await world.receive(push(world))
    await world.receive(push(world, forge="gitlab"))

    assert [each.forge for each in await world.pipelines()] == ["gitlab"]


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
    assert wrong.json()["error"]["message"].startswith("the rules kept on the service:2: event: 'x' is")
    assert (own["source"], own["commit"], own["text"]) == ("repository", BASE, '[[on]]\nschedule = "nightly"')
    assert (bad["source"], bad["error"]) == (None, SAID)
    assert gone.status_code == 204
    assert (await world.http.get(address)).status_code == 401
    said = [each.action for each in await world.rows(world.tables.audit)]
    assert [each for each in said if "policy" in each] == ["repository.policy_set", "repository.policy_cleared"]


async def admin_token(world):
    async with world.deps.begin() as db:
        user = await users.add(db, "ada", password_hash=None, role=Role.ADMIN)
        _, text = await tokens.add(db, user, "test", lifetime=None)
    return text
