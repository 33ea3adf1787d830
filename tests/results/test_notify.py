"""Who asked for it hears what happened to a history: by webhook or mail, once it is settled."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from app.db import tables
from app.db.queries import shifting
from app.notify import reach, sending, telling, wording
from app.tasks import rounds
from integrations.forge import NotGenuine
from integrations.gitlab import signature
from tests.cli.commands import rigline
from tests.pages.site import NOW, running, sha
from tests.results.lines import History, steady, stepped
from tests.results.listeners import Mailbox, Receiver, listening


@pytest.fixture
async def receiver():
    async with listening(Receiver()) as end:
        yield end


@pytest.fixture
async def mailbox():
    async with listening(Mailbox()) as end:
        yield end


@pytest.fixture
async def site(settings, mailbox):
    told = {"smtp_url": SecretStr(mailbox.url), "mail_from": "rigline@example.org", "notify_hosts": ("127.0.0.0/8",)}
    async with running(settings.model_copy(update=told)) as site:
        await site.admin()
        yield site


async def subscribe(site, channel, address, status=201, **more):
    answer = await site.http.post("/api/v1/subscriptions", json={"channel": channel, "address": address, **more})
    assert answer.status_code == status, answer.text
    return answer.json()


async def listed(site, **query):
    answer = await site.http.get("/api/v1/subscriptions", params=query)
    return answer.json()["items"]


async def go_round(site):
    """Let a worker tell and send once, ten seconds later."""
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.shift).values(tell_at=sa.func.now()))
    await telling.tell_due(site.deps)
    await sending.send_due(site.deps)


async def time_passes(site):
    """Let the next try of everything be due."""
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.notification).values(next_at=sa.func.now(), claimed_until=None))
    await sending.send_due(site.deps)


async def test_a_webhook_says_which_history_moved_and_is_signed(history, site, receiver):
    made = await subscribe(site, "webhook", receiver.url, repository="acme/firmware")
    await stepped(history)

    await go_round(site)

    (post,) = receiver.posts
    assert (post.path, post.headers["host"], post.headers["rigline-event"]) == (
        "/hook?of=rigline", f"127.0.0.1:{receiver.port}", "opened"
    )  # fmt: skip
    (alert,) = await history.alerts()
    said = post.said["alert"]
    assert (said["id"], said["until"], said["is_worse"], said["url"]) == (
        alert.id, sha(40), True, f"http://127.0.0.1:8000/github/acme/firmware/alerts/{alert.id}"
    )  # fmt: skip
    assert said["largest"][0]["benchmark"] == "boot"
    keys = [base64.b64decode(made["secret"].removeprefix("whsec_"))]  # what any library of that scheme checks with
    signature.check(post.headers, post.body, secrets=(), keys=keys)
    with pytest.raises(NotGenuine):
        signature.check(post.headers, post.body + b" ", secrets=(), keys=keys)
    assert post.headers["webhook-id"] == post.said["delivery"]


async def test_what_moved_at_the_same_place_is_told_once_it_is_settled(history, site, receiver):
    await subscribe(site, "webhook", receiver.url)
    await stepped(history)

    await telling.tell_due(site.deps)
    await sending.send_due(site.deps)
    assert receiver.posts == []  # more may be found

    await stepped(history, "draw", seed=5)
    await go_round(site)
    await go_round(site)

    (post,) = receiver.posts
    assert post.said["alert"]["change_points"] == 2


async def test_an_alert_is_told_through_its_life_to_those_who_want_that(history, site, receiver):
    everything = ["opened", "improved", "reopened", "recovered", "triaged", "withdrawn"]
    await subscribe(site, "webhook", receiver.url, events=everything)
    boot = await stepped(history, count=10)
    await go_round(site)
    (alert,) = await history.alerts()

    await history.say(alert.id, "acknowledged", reason="looking")
    await go_round(site)
    await stepped(history, "draw", after=130, seed=9)
    await go_round(site)
    await history.learn(boot, steady(100, 6, seed=6), first=50)
    await go_round(site)

    assert [each.said["event"] for each in receiver.posts] == ["opened", "triaged", "reopened", "improved"]
    assert receiver.posts[1].said["alert"]["reason"] == "looking"
    assert len({each.headers["webhook-id"] for each in receiver.posts}) == 4


async def test_only_what_was_asked_for_is_told(history, site, receiver):
    await site.repository("acme/other-one")
    await subscribe(site, "webhook", receiver.url, repository="acme/other-one")
    await subscribe(site, "webhook", receiver.url, events=["recovered"])
    boot = await stepped(history, count=10)
    await go_round(site)
    assert receiver.posts == []

    await history.learn(boot, steady(100, 6, seed=5), first=50)
    await go_round(site)

    assert [each.said["event"] for each in receiver.posts] == ["recovered"]


async def test_a_muted_alert_and_one_that_is_no_news_are_not_told(history, site, receiver):
    everything = ["opened", "improved", "reopened", "recovered", "triaged", "withdrawn"]
    await subscribe(site, "webhook", receiver.url, events=everything)
    mute = {"repository": "acme/firmware", "benchmark": "boot", "reason": "fan"}
    await site.http.post("/api/v1/mutes", json=mute)
    await stepped(history)
    old = await history.series("old")
    values = steady(100, 40, seed=7) + steady(110, 40, seed=8) + steady(100, 60, seed=9)
    await history.learn(old, values, first=100)

    await go_round(site)

    assert len(await history.alerts()) == 3
    assert receiver.posts == []


async def test_a_mail_says_the_same_in_words(history, site, mailbox):
    await subscribe(site, "mail", "ada@example.org", repository="acme/firmware")
    await stepped(history, "boot\nBcc: eve@example.org")

    await go_round(site)

    (mail,) = mailbox.mails
    assert mailbox.receivers == ["ada@example.org"]
    assert (mail["To"], mail["From"], mail["Bcc"]) == ("ada@example.org", "rigline@example.org", None)
    assert mail["Subject"].startswith("[acme/firmware] boot Bcc: eve@example.org time +")
    text = mail.get_content()
    assert f"Behind commit {sha(39)}, at the latest in {sha(40)} on main" in text
    assert "worse (100" in text and "on nucleo-f7, release" in text and "/github/acme/firmware/alerts/" in text
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"].endswith("@127.0.0.1>")


async def test_the_link_in_a_mail_ends_the_subscription_at_the_press_of_a_button(history, site, mailbox):
    made = await subscribe(site, "mail", "ada@example.org")
    await stepped(history)
    await go_round(site)
    link = mailbox.mails[0]["List-Unsubscribe"].strip(" <>").removeprefix("http://127.0.0.1:8000")
    assert link in mailbox.mails[0].get_content()
    del site.http.headers["Authorization"]

    assert "Hear no more of this?" in await site.get(link)  # reading it ends nothing
    broken = await site.http.post(link[:-3] + "xyz")
    ended = await site.http.post(link, data={"List-Unsubscribe": "One-Click"})
    await site.http.post(link)

    assert broken.status_code == 404
    assert ended.status_code == 200 and "You hear no more of this" in ended.text
    async with site.deps.begin() as db:
        row = (await db.execute(sa.select(tables.subscription))).mappings().one()
    assert (row["id"], row["ended_why"]) == (made["id"], "ended by the link in a mail")


async def test_what_does_not_arrive_is_tried_again_under_the_same_id(history, site, receiver):
    receiver.answers = ["503 Busy|Retry-After: 120\r\n", "500 Oh", "200 OK"]
    await subscribe(site, "webhook", receiver.url)
    await stepped(history)
    before = datetime.now(UTC)

    await go_round(site)
    (waiting,) = await listed(site)
    async with site.deps.begin() as db:
        due = await db.scalar(sa.select(tables.notification.c.next_at))
    assert (waiting["waiting"], waiting["error"]) == (1, "it answers 503")
    assert timedelta(seconds=100) < due - before
    await sending.send_due(site.deps)  # not due yet
    assert len(receiver.posts) == 1

    await time_passes(site)
    await time_passes(site)
    await time_passes(site)

    assert len(receiver.posts) == 3
    assert len({each.headers["webhook-id"] for each in receiver.posts}) == 1
    (arrived,) = await listed(site)
    assert (arrived["waiting"], arrived["error"]) == (0, "") and arrived["sent_at"] is not None


@pytest.mark.parametrize(
    ("answer", "tries", "why"),
    [
        ("410 Gone", 1, "wants nothing any more"),
        ("404 No", 3, "it answers 404"),
        ("302 Found|Location: http://127.0.0.1:1/\r\n", 3, "is not followed"),
    ],
)
async def test_a_receiver_that_refuses_ends_its_subscription_and_the_service_says_so(
    history, site, receiver, answer, tries, why
):
    receiver.answers = [answer]
    made = await subscribe(site, "webhook", receiver.url)
    await stepped(history)

    await go_round(site)
    for _ in range(4):
        await time_passes(site)

    assert len(receiver.posts) == tries
    assert await listed(site) == []
    (ended,) = await listed(site, ended="true")
    assert why in ended["ended_why"]
    (alert,) = (await site.json("/alerts.json"))["items"]
    assert (alert["kind"], alert["subject"]) == ("notification_refused", f"subscription {made['id']}")


async def test_a_receiver_that_is_away_is_tried_for_hours_and_given_up_at_last(history, site, receiver):
    await subscribe(site, "webhook", "http://127.0.0.1:1/hook")
    await subscribe(site, "webhook", receiver.url)
    await stepped(history)

    await go_round(site)
    assert len(receiver.posts) == 1  # one that is away holds up no other
    for _ in range(sending.MOST_TRIES):
        await time_passes(site)

    (ended,) = [each for each in await listed(site, ended="true") if each["ended_at"]]
    assert "cannot be reached" in ended["ended_why"]


async def test_several_senders_send_each_piece_once(history, site, receiver):
    for _ in range(12):
        await subscribe(site, "webhook", receiver.url)
    await stepped(history)
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.shift).values(tell_at=sa.func.now()))

    await asyncio.gather(*(telling.tell_due(site.deps) for _ in range(3)))
    await asyncio.gather(*(sending.send_due(site.deps) for _ in range(3)))

    assert len({each.headers["webhook-id"] for each in receiver.posts}) == len(receiver.posts) == 12


async def test_a_sender_that_died_between_sending_and_noting_it_sends_the_same_delivery_again(history, site, receiver):
    await subscribe(site, "webhook", receiver.url)
    await stepped(history)
    receiver.hold = asyncio.Event()
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.shift).values(tell_at=sa.func.now()))
    await telling.tell_due(site.deps)
    dying = asyncio.create_task(sending.send_due(site.deps))
    await asyncio.wait_for(receiver.came.wait(), 10)
    dying.cancel()
    receiver.hold.set()

    await time_passes(site)

    assert [each.headers["webhook-id"] for each in receiver.posts] == [receiver.posts[0].headers["webhook-id"]] * 2


async def test_a_mailbox_that_does_not_exist_ends_its_subscription_and_a_server_that_is_cross_does_not(
    history, site, mailbox
):
    mailbox.refuses = {"gone@example.org": "550 no such mailbox", "cross@example.org": "451 later"}
    for each in mailbox.refuses:
        await subscribe(site, "mail", each)
    await stepped(history)

    await go_round(site)
    for _ in range(3):
        await time_passes(site)

    (going_on,) = await listed(site)
    assert going_on["address"] == "cross@example.org" and "451" in going_on["error"]


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("webhook", "http://hooks.example.org/"),
        ("webhook", "ftp://127.0.0.1/"),
        ("webhook", "https://user:word@hooks.example.org/"),
        ("webhook", "https://hooks.example.org/\x00"),
        ("webhook", "https://[::1/"),
        ("mail", "ada"),
        ("mail", "ada@example.org, eve@example.org"),
        ("mail", "ada@example.org\nBcc: eve@example.org"),
    ],
)
async def test_an_address_that_cannot_be_is_refused(site, channel, address):
    await subscribe(site, channel, address, status=422)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://127.0.0.1/", ()),
        ("https://localhost/", ()),
        ("https://10.1.2.3/", ("10.2.0.0/16",)),
        ("https://169.254.169.254/latest/meta-data", ()),
        ("https://[::1]/", ()),
        ("https://[::ffff:127.0.0.1]/", ()),
        ("https://[64:ff9b::a00:1]/", ()),
        ("https://[2002:7f00:1::]/", ()),
        ("https://[fe80::1]/", ()),
        ("https://0.0.0.0/", ()),
        ("https://2130706433/", ()),
        ("https://0x7f.1/", ()),
        ("https://224.0.0.1/", ()),
        ("https://100.64.0.1/", ()),
    ],
)
async def test_a_webhook_never_goes_to_an_address_that_is_not_public(url, allowed):
    with pytest.raises(reach.NotAllowed):
        await reach.target(url, allowed)


async def test_a_webhook_goes_to_exactly_the_address_that_was_judged():
    target = await reach.target("https://localhost:8443/a?b=c", ("localhost",))

    assert target.url.startswith(("https://127.0.0.1:8443/a?b=c", "https://[::1]:8443/a?b=c"))
    assert (target.host, target.authority) == ("localhost", "localhost:8443")
    assert (await reach.target("https://10.1.2.3/", ("10.0.0.0/8",))).url == "https://10.1.2.3:443/"
    assert (await reach.target("https://93.184.216.34/")).authority == "93.184.216.34"


async def test_a_name_that_leads_inside_is_not_followed_when_news_is_sent(settings, receiver):
    async with running(settings) as site:  # nothing is allowed here
        await site.admin()
        await subscribe(site, "webhook", f"https://localhost:{receiver.port}/")
        await stepped(await History.begin(site, "acme/second"))

        await go_round(site)

        (waiting,) = await listed(site)
    assert "is not public" in waiting["error"]
    assert receiver.posts == []


async def test_commands_add_try_list_and_remove_subscriptions(site, receiver, mailbox):
    token = site.http.headers["Authorization"].removeprefix("Bearer ")

    async def command(*words):
        return await rigline("notify", *words, RIGLINE_URL=site.url, RIGLINE_TOKEN=token)

    added = await command("add", "webhook", receiver.url, "--event", "opened", "--event", "pipeline_failed")
    number = added.out.split()[1]
    tried = await command("test", number)
    receiver.answers = ["500 Oh"]
    failed = await command("test", number)
    shown = await command("list")
    data = json.loads((await command("list", "--json")).out)["items"]
    removed = await command("remove", number)

    assert added.status == 0 and "secret whsec_" in added.out
    assert (tried.status, tried.out) == (0, "It arrived.\n") and receiver.posts[0].said["event"] == "test"
    assert (failed.status, failed.err) == (1, "Error: it answers 500\n")
    assert "of=rigline" not in shown.out and "whsec_" not in shown.out  # the address may hold a secret
    assert data[0]["events"] == ["opened", "pipeline_failed"] and data[0]["waiting"] == 0
    assert removed.status == 0 and (await command("remove", number)).status == 1
    mail = await command("add", "mail", "ada@example.org")
    assert (await command("test", mail.out.split()[1])).status == 0
    assert mailbox.mails[0]["Subject"] == "Rigline can reach you"


async def test_subscriptions_are_for_admins_and_mail_needs_a_server(settings):
    async with running(settings) as site:
        assert (await site.http.get("/api/v1/subscriptions")).status_code == 401
        await site.admin()
        refused = await subscribe(site, "mail", "ada@example.org", status=409)
    assert "RIGLINE_SMTP_URL" in refused["error"]["message"]


async def test_a_pipeline_of_the_default_branch_that_did_not_pass_is_told_once(site, receiver):
    await subscribe(site, "webhook", receiver.url, events=["pipeline_failed"])
    repository = await site.repository()
    bad = await site.pipeline(repository, title="break it")
    await site.job(bad, "failed")
    last = await site.job(bad, "running", configuration="debug")
    for number, values in enumerate(
        ({"branch": "topic"}, {"pull_request": 7}, {"created_at": NOW - timedelta(days=2)})
    ):
        other = await site.pipeline(repository, sha(10 + number), **values)
        await site.job(other, "failed")
    await go_round(site)
    assert receiver.posts == []  # one job is still at work

    await site.update("job", last, state="passed", ended_at=NOW)
    await go_round(site)
    await go_round(site)

    (post,) = receiver.posts
    assert (post.said["event"], post.said["pipeline"]["id"], post.said["pipeline"]["state"]) == (
        "pipeline_failed", bad, "failed"
    )  # fmt: skip
    subject, text = wording.mail(post.said)
    assert subject == f"[acme/firmware] main failed at {sha(1)[:10]}"
    assert "1 failed, 1 passed" in text or "1 passed, 1 failed" in text


async def test_a_worker_finds_tells_and_sends_by_itself(history, site, receiver, monkeypatch):
    monkeypatch.setattr(shifting, "SETTLE_S", 0.0)
    await subscribe(site, "webhook", receiver.url)
    boot = await history.series("boot")
    await history.measure(boot, steady(100, 40) + steady(110, 5, seed=2))

    worker = asyncio.create_task(rounds.run(site.deps))
    try:
        await asyncio.wait_for(receiver.came.wait(), 30)
    finally:
        worker.cancel()
        await asyncio.wait([worker])

    assert receiver.posts[0].said["alert"]["until"] == sha(40)


async def test_what_arrived_long_ago_is_forgotten_and_what_waits_is_not(history, site, receiver):
    await subscribe(site, "webhook", receiver.url)
    await subscribe(site, "webhook", "http://127.0.0.1:1/hook")
    await stepped(history)
    await go_round(site)
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.notification).values(created_at=NOW - timedelta(days=31)))

    await sending.forget_old(site.deps)

    (kept,) = await history.rows("notification")
    assert kept["sent_at"] is None
