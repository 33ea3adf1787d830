"""What others follow or embed: the Atom feed of alerts, and badges."""

from xml.etree import ElementTree as Xml

import pytest

from tests.pages.site import sha
from tests.results.lines import steady, stepped

FEED = "/github/acme/firmware/alerts.atom"
BADGE = "/github/acme/firmware/badge.svg"
NAMES = {"a": "http://www.w3.org/2005/Atom", "s": "http://www.w3.org/2000/svg"}


async def entries(site):
    answer = await site.http.get(FEED)
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = Xml.fromstring(answer.content)
    return feed, feed.findall("a:entry", NAMES)


def said(of, name):
    return of.findtext(f"a:{name}", namespaces=NAMES)


async def test_the_feed_of_a_repository_without_alerts_is_valid_and_empty(history, site):
    feed, found = await entries(site)

    assert found == []
    for required in ("id", "title", "updated"):  # RFC 4287, 4.1.1
        assert said(feed, required)
    assert feed.find("a:author/a:name", NAMES).text == "Rigline"
    assert {link.get("rel") for link in feed.findall("a:link", NAMES)} == {"self", "alternate"}


async def test_an_entry_keeps_its_id_and_is_updated_when_somebody_judges_the_alert(history, site):
    await stepped(history, "draw & <b>\x0b</b>")
    (alert,) = await history.alerts()
    _, (before,) = await entries(site)

    await history.say(alert.id, "expected", reason="more <features>")
    _, (after,) = await entries(site)

    assert said(before, "id") == said(after, "id") == f"tag:127.0.0.1,2026:rigline/alerts/{alert.id}"
    assert said(after, "updated") >= said(before, "updated")
    assert said(after, "title").startswith("draw & <b>\N{REPLACEMENT CHARACTER}</b> time +")
    assert "ada said so: more <features>" in said(after, "content") and sha(40) in said(after, "content")
    assert after.find("a:category", NAMES).get("term") == "expected"
    assert after.find("a:link", NAMES).get("href").endswith(f"/github/acme/firmware/alerts/{alert.id}")


async def test_a_reader_that_asks_again_gets_the_feed_only_if_it_changed(history, site):
    await stepped(history)
    first = await site.http.get(FEED)

    again = await site.http.get(FEED, headers={"If-None-Match": first.headers["ETag"]})
    await history.say((await history.alerts())[0].id, "noise")
    changed = await site.http.get(FEED, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content, changed.status_code) == (304, b"", 200)
    assert FEED in await site.get("/github/acme/firmware/alerts")
    assert (await site.http.get("/github/acme/none/alerts.atom")).status_code == 404


async def badge(site, query="?benchmark=boot"):
    answer = await site.http.get(BADGE + query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    picture = Xml.fromstring(answer.content)
    return answer, picture


async def test_a_badge_says_the_latest_value_and_whether_it_is_steady_worse_or_better(history, site):
    boot = await history.series("boot")
    await history.learn(boot, steady(100, 40))
    _, calm = await badge(site)

    await history.learn(boot, [110, 110.1, 109.9, 110], first=40)
    _, worse = await badge(site)
    await history.say((await history.alerts())[0].id, "acknowledged")
    _, seen = await badge(site)
    await history.say((await history.alerts())[0].id, "expected")
    _, judged = await badge(site)

    said = [each.get("aria-label") for each in (calm, worse, seen, judged)]
    assert said[0].startswith("boot time: ") and said[0].endswith(" ms, steady")
    assert said[1].startswith("boot time: 110 ms, +") and said[1].endswith(" % worse")
    assert said[2].endswith(" % worse, seen") and said[3] == "boot time: 110 ms, steady"
    assert worse.findtext("s:title", namespaces=NAMES) == said[1]
    assert len(worse.findall("s:text", NAMES)) == 2 and worse.find("s:path", NAMES) is not None
    colours = [each.findall("s:rect", NAMES)[1].get("fill") for each in (calm, worse)]
    assert colours[0] != colours[1]


async def test_a_badge_may_be_kept_for_five_minutes_and_asked_for_again_cheaply(history, site):
    await stepped(history)
    answer, _ = await badge(site)

    again = await site.http.get(f"{BADGE}?benchmark=boot", headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Cache-Control"] == again.headers["Cache-Control"] == "public, max-age=300"
    assert again.status_code == 304
    assert "<script" not in answer.text


@pytest.mark.parametrize("query", ["", "?benchmark=nothing", "?benchmark=%3Cscript%3E%00%0b&metric=x" + "y" * 600])
async def test_a_badge_of_what_was_not_measured_says_so(history, site, query):
    _, picture = await badge(site, query)

    assert picture.get("aria-label").endswith(": not measured")


async def test_a_badge_holds_no_markup_of_a_name(history, site):
    await history.push(0, 5, benchmark='<script>"x"&')

    answer, picture = await badge(site, "")

    assert picture.get("aria-label").startswith('<script>"x"& time: 5 ms')
    assert "<script" not in answer.text
