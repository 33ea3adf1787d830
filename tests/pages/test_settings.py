"""A repository is set up, added and removed, dispatched from and scheduled by forms that need no scripts."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.db import tables
from app.db.models import SQLModel
from app.rights import Role
from tests.pages.site import NOW, sha
from tests.pages.test_buttons import admitted, column, forms, notice, press, said

HOME = "/github/acme/firmware"
PAGE = f"{HOME}/settings"


async def sent(site, action, **filled):
    """Send a form of one row of a list, or one that the page does not show to this visitor."""
    ours = (await forms(site, "/docs"))["/logout"]
    return await site.http.post(f"{PAGE}/{action}", data={**ours, **filled})


async def test_caps_and_isolation_are_kept_and_an_empty_field_is_as_the_settings_say(site):
    await admitted(site)
    repository = await site.repository()

    kept = await press(site, PAGE, f"{PAGE}/caps", repository="3", fork_owner="", pull_request="0")
    await press(site, PAGE, f"{PAGE}/isolation", forks="cgroup")
    wrong = await press(site, PAGE, f"{PAGE}/caps", repository="-1")

    shown = await site.json(f"{PAGE}.json")
    assert kept.headers["location"] == f"{PAGE}?done=set"
    assert shown["caps"] == {"fork_owner": None, "pull_request": 0, "repository": 3}
    assert shown["isolation"] == "cgroup"
    assert wrong.status_code == 422 and "repository" in notice(wrong.text)[0]
    await press(site, PAGE, f"{PAGE}/isolation", forks="")
    assert await column(site, tables.repository, "fork_isolation", repository) is None


async def test_rules_are_kept_on_the_service_and_what_cannot_be_used_is_refused_with_its_line(site):
    await admitted(site)
    repository = await site.repository("acme/firmware", policy='[[on]]\nevent = "push"\n')

    wrong = await sent(site, "policy", text='[[on]]\r\nevent = "push"\r\nbranchs = ["main"]\r\n')
    await press(site, PAGE, f"{PAGE}/no-policy")

    assert wrong.status_code == 422 and ":3:" in notice(wrong.text)[0] and "branches" in notice(wrong.text)[0]
    assert await column(site, tables.repository, "policy", repository) is None


async def test_a_webhook_secret_goes_in_and_never_comes_out(site):
    await admitted(site)
    await site.repository()

    await press(site, PAGE, f"{PAGE}/secret", text="correct-horse-battery", kind="secret")
    short = await press(site, PAGE, f"{PAGE}/secret", text="short", kind="secret")
    shown = await site.get(PAGE)
    (kept,) = (await site.json(f"{PAGE}.json"))["secrets"]
    await sent(site, "no-secret", id=kept["id"])

    assert "correct-horse" not in shown + str(kept)
    assert short.status_code == 422
    assert (await site.json(f"{PAGE}.json"))["secrets"] == []


async def test_a_subscription_that_was_given_up_goes_on_again(site):
    await admitted(site)
    repository = await site.repository()
    made = await sent(site, "subscribe", channel="webhook", address="https://1.1.1.1/hook", **{"event opened": "true"})
    async with site.deps.begin() as db:
        change = sa.update(SQLModel.metadata.tables["subscription"])
        await db.execute(change.values(ended_at=NOW, ended_why="it could not be told: 410"))

    given_up = await site.get(PAGE)
    (each,) = (await site.json(f"{PAGE}.json"))["subscriptions"]
    again = await sent(site, "resume", id=each["id"])

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert "it could not be told: 410" in given_up and "/hook" not in given_up
    assert again.status_code == 303
    (each,) = (await site.json(f"{PAGE}.json"))["subscriptions"]
    assert (each["ended_at"], each["events"], each["repository"]) == (None, ["opened"], "acme/firmware")
    assert repository and await said(site, "subscription.resumed") == [("ada", f"subscription {each['id']}")]


async def test_mutes_and_annotations_are_said_and_taken_back(site):
    await admitted(site, Role.MAINTAINER)
    repository = await site.repository()
    await site.insert(
        "commit", repository_id=repository, sha=sha(3), title="x", committed_at=NOW, parents=[], author=""
    )

    await press(site, PAGE, f"{PAGE}/mute", benchmark="boot", days="2", reason="new cable")
    await press(site, PAGE, f"{PAGE}/annotate", commit=sha(3), kind="note", text="new board")
    shown = await site.json(f"{PAGE}.json")
    nothing = await press(site, PAGE, f"{PAGE}/mute", reason="nothing is named")

    assert [each["reason"] for each in shown["mutes"]] == ["new cable"]
    assert [each["text"] for each in shown["annotations"]] == ["new board"]
    assert nothing.status_code == 422
    await sent(site, "unmute", id=shown["mutes"][0]["id"])
    await sent(site, "no-annotation", id=shown["annotations"][0]["id"])
    shown = await site.json(f"{PAGE}.json")
    assert (shown["mutes"], shown["annotations"]) == ([], [])


async def test_approvals_of_a_pull_request_are_taken_back(site):
    await admitted(site)
    repository = await site.repository()
    pipeline = await site.pipeline(repository, sha(5), pull_request=7, from_fork=True, trust="approved by ada")
    job = await site.job(pipeline)
    await site.insert("approval", repository_id=repository, commit=sha(5), approver="ada", pull_request=7)

    await sent(site, "revoke", id=7)

    assert await column(site, tables.job, "state", job) == "cancelled"
    assert (await site.json(f"{PAGE}.json"))["approvals"] == []


async def test_a_repository_is_added_and_removed_by_its_name(site):
    await admitted(site)

    added = await press(
        site, "/repositories", "/repositories", forge="github", full_name="acme/firmware", id="7", default_branch="main"
    )
    careless = await press(site, PAGE, f"{PAGE}/remove", name="")
    removed = await press(site, PAGE, f"{PAGE}/remove", name="acme/firmware")

    assert added.headers["location"] == f"{HOME}?done=served"
    assert careless.status_code == 409 and "Type the name" in notice(careless.text)[0]
    assert removed.headers["location"] == "/repositories?done=unserved"
    await site.get(PAGE, 404)


async def test_a_schedule_is_paused_goes_on_and_says_what_it_opened(site):
    await admitted(site)
    repository = await site.repository()
    schedule = await site.insert(
        "schedule", repository_id=repository, rule="nightly", cron="0 3 * * *", next_at=NOW + timedelta(hours=1)
    )
    run = await site.pipeline(repository, trigger="schedule", rule="nightly")
    await site.job(run, "failed")
    await site.pipeline(repository, sha(2), trigger="push", rule="nightly")

    await press(site, "/schedules", f"/schedules/{schedule}/pause")
    resting = await site.get("/schedules?repository=acme/firmware")
    await press(site, PAGE, f"/schedules/{schedule}/resume")
    shown = await site.json("/schedules.json")

    assert "<b>rests</b>" in resting and "by <bdi>ada</bdi>" in resting
    assert [(each["id"], each["state"]) for each in shown["items"][0]["runs"]] == [(run, "failed")]
    assert shown["items"][0]["of"]["paused_at"] is None
    assert "data-clock=" in await site.get("/schedules")
    assert "No rule goes by the clock" in await site.get("/schedules?repository=acme/other")


async def test_a_dispatch_is_asked_for_by_a_form_and_what_is_wrong_is_said_on_it(site):
    await admitted(site, Role.COMMITTER)
    await site.repository()
    board = await site.board("nucleo-1")
    await site.insert("configuration", board_id=board, name="release", tags=[])
    filled = {"repository": "acme/firmware", "commit": sha(9), "kind": "build", "seconds": "60", "boards": "nucleo-1, "}

    asked = await press(site, "/dispatch?repository=acme/firmware", "/dispatch", **filled)
    short = await press(site, "/dispatch", "/dispatch", **{**filled, "commit": "abc"})
    words = await press(site, "/dispatch", "/dispatch", **{**filled, "repeat": "often"})

    made = await site.json(asked.headers["location"] + ".json")
    assert (made["pipeline"]["kind"], made["pipeline"]["limit_s"], made["jobs"][0]["board"]) == (
        "build",
        60,
        "nucleo-1",
    )
    assert short.status_code == 422 and "commit" in notice(short.text)[0]
    assert words.status_code == 422 and "repeat" in notice(words.text)[0]


async def test_deliveries_are_filtered(site):
    await admitted(site)
    for number, (kind, handled) in enumerate((("push", NOW), ("push", None), ("pull_request", NOW))):
        row = {"forge": "github", "key": str(number), "kind": kind, "handled_at": handled}
        await site.insert("delivery", **row, headers={}, body=b"x", body_sha256=b"x")

    async def keys(query):
        return [each["key"] for each in (await site.json(f"/deliveries.json?{query}"))["items"]]

    assert await keys("kind=push") == ["1", "0"]
    assert await keys("kind=push&handled=no") == ["1"]
    assert await keys("forge=gitlab") == []
    assert await keys("handled=nonsense") == ["2", "1", "0"]
    assert "No delivery matches" in await site.get("/deliveries?forge=gitlab")


@pytest.mark.parametrize("role", [Role.OBSERVER, Role.COMMITTER, Role.MAINTAINER])
async def test_each_form_of_the_settings_insists_on_its_right(site, role):
    await admitted(site, role, "grace")
    await site.repository()
    administers = ("secret", "no-secret", "webhook", "subscribe", "try", "resume", "unsubscribe", "remove")
    configures = ("caps", "isolation", "policy", "no-policy")
    refused = administers if role is Role.MAINTAINER else (*administers, *configures)

    answers = {each: (await sent(site, each)).status_code for each in refused}

    assert set(answers.values()) == {403}
    if role is Role.MAINTAINER:
        assert f"{PAGE}/secret" not in await forms(site, PAGE)
    else:
        await site.get(PAGE, 403)
