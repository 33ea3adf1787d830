"""Text from outside is shown as text: in pages, in charts and in logs."""

import json
import re
import time

import pytest

from app.history.verdict import Verdict
from app.web import log_text
from tests import compared
from tests.pages import measured
from tests.pages.site import native, sha

SCRIPT = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
TURNED = "\u202egnp.exe \u0007 \u200b {{ 7 * 7 }} {% raw %}"
EVIL = f"{SCRIPT}{TURNED}"


async def test_hostile_names_are_text_on_every_page(site):
    repository = await site.repository(
        f"acme/{SCRIPT}", "git", forge_id=None, clone_url=f"https://x/{SCRIPT}"
    )  # as a remote
    await site.board("evil", type=EVIL[:90], description=EVIL, health="bad", health_reason=EVIL)
    configuration = EVIL[:90]
    await site.insert("configuration", board_id=site.boards["evil"], name=configuration, tags=[EVIL])
    job, _ = await site.measured(
        repository, sha(1), [native(EVIL, 1, 2, params={EVIL: EVIL})], title=EVIL,
        pipeline={"branch": EVIL, "requested_by": EVIL, "trust": EVIL, "error": EVIL},
        configuration=configuration, reason=EVIL, board_type=EVIL[:90],
    )  # fmt: skip
    await site.job(await site.pipeline(repository, sha(2), title=EVIL), "queued", board_type=EVIL[:90])
    await site.insert(
        "delivery", forge="github", key=EVIL, kind=EVIL[:90], headers={}, body=b"", body_sha256=b"", verdict=EVIL
    )
    await site.insert("audit", actor=EVIL, action="job.passed", job_id=job, detail=EVIL)

    await site.admin()
    links = re.findall(r'href="(/[^"]*)"', await site.get("/"))
    pages = {each for each in links if "static" not in each and not each.endswith(".json")} | {f"/jobs/{job}"}

    for kind in ("/pipelines/", "/builders/", "/git/", "/queue", "/deliveries", "/alerts"):
        assert any(each.startswith(kind) for each in pages), kind
    for path in sorted(pages):
        html = await site.get(path.replace("&amp;", "&"))
        assert "<script>alert" not in html and "<img" not in html
        assert " 49 " not in html
    shown = await site.get(f"/jobs/{job}")
    assert "&lt;script&gt;alert" in shown
    history = await site.get(next(each for each in pages if each.endswith("/history")))
    (benchmark,) = set(re.findall(r'href="(/[^"]*history\?benchmark=[^"]*)"', history))
    shown = await site.get(benchmark.replace("&amp;", "&"))
    assert "&lt;script&gt;alert" in shown and "<script>alert" not in shown and "<img" not in shown


async def test_hostile_names_are_text_where_commits_and_boards_are_judged(site):
    made = await measured.history(site, commits=60, targets=1)
    name = EVIL.replace("\u0007", "")
    why = {"compare_with": sha(50), "compare_why": name[:60], "pull_request": 7, "branch": None, "title": name}
    job = await site.job(await site.pipeline(made.repository, sha(59), **why), "passed")
    rows = [compared.row(f"{name}{each}", each, **compared.WORSE, note=name, params={name: name}) for each in Verdict]
    await compared.compare(site.deps, job, rows)
    await site.insert_plain(
        "board_noise", board_id=site.boards["nucleo-1"], repository_id=made.repository, configuration="release",
        identity="x", benchmark=name, metric=name, differences=[], sigma=0.09, trials=60, false_alarms=3,
    )  # fmt: skip
    await site.insert(
        "annotation", repository_id=made.repository, commit_id=made.commits[20], kind="note", text=name, said_by=name
    )
    home = "/github/acme/firmware"
    pages = (
        f"{home}/compare/{sha(50)}...{sha(59)}?q=%3Cscript%3E&target=%22%3E%3Cimg%3E", f"{home}/pulls/7",
        "/builders/lab-1/boards/nucleo-1",
        f"{home}/history?benchmark=draw/arc/rounded&metric=fps&hide=%3Cimg%3E&sort=%22",
    )  # fmt: skip

    for path in pages:
        html = await site.get(path)
        assert "<script>alert" not in html and "<img" not in html and " 49 " not in html, path
    assert "\\u003cscript" in html and "&lt;script&gt;alert" in html  # in the points of the script, and on the page


async def test_a_hostile_log_is_shown_and_nothing_of_it_obeyed(site):
    job = await site.job(await site.pipeline(await site.repository()), "passed")
    attempt = await site.attempt(job, "passed")
    log = (
        SCRIPT.encode() + b"\n\x1b]0;title\x07\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\"
        b"\x1b[2J\x1b[31mred\x1b[0m \x00 \xff\xfe \xe2\x80\xae turned </pre><b>out</b>\r\nprogress 1\rprogress 2\n"
    )
    await site.log(attempt, job, log)

    html = await site.get(f"/jobs/{job}")

    shown = re.search(r'role="log".*?>(.*?)</div>', html, re.S)[1]
    assert "<script" not in shown and "<b>" not in shown and "javascript:" not in shown and "title" not in shown
    assert "\x1b" not in html and "\0" not in html and "\u202e" not in html
    assert '<span class="ansi-red">red</span> ␀ \ufffd\ufffd ⟨U+202E⟩ turned &lt;/pre&gt;' in shown
    assert "progress 1\nprogress 2\n" in shown


@pytest.mark.parametrize("path", ["/", "/jobs/1", "/nothing", "/api/v1/pipelines", "/events"])
async def test_every_answer_takes_scripts_from_the_service_alone(site, path):
    async with site.http.stream("GET", path) as answer:
        policy = answer.headers["content-security-policy"]

    rules = [rule.split() for rule in policy.split(";")]
    scripts = {name: sources for name, *sources in rules if name.startswith("script-src")}
    assert ["default-src", "'self'"] in rules  # what has no rule of its own
    assert scripts == {"script-src": ["'self'"]}  # none inline, none of another host, no looser rule for one kind
    assert len({name for name, *_ in rules}) == len(rules)  # browsers obey the first of two
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_query_string_is_shown_as_text(site):
    html = await site.get("/pipelines", 200)
    echoed = (await site.http.get("/pipelines", params={"repository": EVIL, "branch": "a\0b", "before": "9" * 30})).text

    assert "<img" not in echoed and "&lt;img" in echoed
    assert html


def test_colours_of_a_log_are_kept_across_lines_and_end_where_they_end():
    first, second = log_text.lines(b"a\x1b[1;32mb\nc\x1b[22md\x1b[39me\x1b[38;5;196mf\x1b[38;2;1;2;3mg\x1b[mh", first=7)

    assert (first.number, second.number) == (7, 8)
    assert [(each.text, each.look) for each in [*first.pieces, *second.pieces]] == [
        ("a", ""), ("b", "ansi-green bold"),
        ("c", "ansi-green bold"), ("d", "ansi-green"), ("e", ""), ("f", ""), ("g", ""), ("h", ""),
    ]  # fmt: skip


def test_an_escape_that_never_ends_hides_nothing_behind_its_line():
    found = log_text.lines(b"a\x1b]0;title\nb\x1bP\n\x1b[\nc\n", first=1)

    assert [each.text for each in found] == ["a", "b", "", "c"]


@pytest.mark.parametrize("cut", [b"\x1b", b"\x1b[", b"\x1b[31", b"\x1b]0;never ends", b"\xe2\x82", b"\x1b(B", b"\x1bM"])
def test_what_is_cut_off_at_the_end_of_a_log_breaks_nothing(cut):
    (line,) = log_text.lines(b"text" + cut, first=1)

    assert line.text.startswith("text") and "\x1b" not in line.text


def test_many_escapes_cost_time_in_proportion():
    started = time.process_time()
    log_text.lines(b"\x1b]" * 30_000 + b"\x1b[" * 30_000 + b"\x1b[31m" * 10_000, first=1)

    assert time.process_time() - started < 2


async def test_a_page_of_json_holds_hostile_text_as_it_is(site):
    repository = await site.repository()
    await site.pipeline(repository, title=SCRIPT)

    answer = await site.http.get("/pipelines.json")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text)["items"][0]["title"] == SCRIPT
