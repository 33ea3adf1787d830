"""The pages in a real browser: alive with scripts, complete without, on any screen, by light and in the dark."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.pages import scene
from tests.pages.site import Site, native, sha

PATIENCE = 10_000  # milliseconds
SCENE_PAGES = (
    "/", "/pipelines", "/queue", "/builders", "/deliveries", "/pipelines/{mixed}", "/pipelines/{fork}",
    "/jobs/{failed}", "/jobs/{running}", "/builders/shelf", "/github/acme/firmware",
    "/github/acme/firmware/history", "/nothing/here", "/alerts", "/forges", "/builders/lab-1", "/builders?done=deleted",
    "/login", "/account", "/admin", "/admin/users/ada", "/admin/tokens", "/admin/sessions", "/password",
    "/github/acme/firmware/settings", "/dispatch", "/admin/backups",
)  # fmt: skip

FAINT_TEXT = Path(__file__).with_name("contrast.js").read_text()
UNNAMED = """() => {
  const label = (each) => [...(each.labels ?? [])].map((one) => one.textContent).join("");
  const name = (each) => (each.ariaLabel || label(each) || each.textContent).trim();
  const all = [...document.querySelectorAll("button, summary, input:not([type=hidden]), select")];
  const buttons = all.filter((each) => each.closest("[role=group]") && each.matches("button, summary")).map(name);
  return [...all.filter((each) => !name(each)).map((each) => each.outerHTML),
          ...buttons.filter((each, at) => buttons.indexOf(each) !== at)];
}"""
OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"
IS_AT_ITS_END = "() => log.scrollTop > 0 && log.scrollTop + log.clientHeight >= log.scrollHeight - 4"  # by its id


@asynccontextmanager
async def window(browser: Browser, site: Site, **looks: object) -> AsyncIterator[Page]:
    """Open a window; an error on its console, as of the content security policy, fails the test."""
    context = await browser.new_context(base_url=site.url, **{"viewport": {"width": 1280, "height": 900}, **looks})
    page, complaints = await context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(PATIENCE)
    yield page
    await context.close()
    assert [each for each in complaints if not re.search("40[14]", each)] == []


async def sign_in(page: Page, token: str) -> None:
    """Sign in with a token on the page that asks for it, by the keyboard."""
    await page.get_by_text("With a token", exact=True).press("Enter")
    await page.get_by_label("Token").fill(token)
    await page.get_by_label("Token").press("Enter")


async def test_a_log_is_followed_live_and_the_page_turns_to_the_verdict(browser, site):
    job = await site.job(await site.pipeline(await site.repository()), "running")
    attempt = await site.attempt(job, phase="run")
    await site.log(attempt, job, b"first line\n")

    async with window(browser, site) as page:
        await page.goto(f"/jobs/{job}")
        await expect(page.locator("#log")).to_have_text("first line")
        await expect(page.locator("#live")).to_be_visible()
        await site.log(attempt, job, b"second \x1b[31mred")
        await site.log(attempt, job, b" still\x1b[0m line\n" + b"more\n" * 200)
        await expect(page.locator("#log")).to_contain_text("second red still line\nmore")
        assert "".join(await page.locator("#log .ansi-red").all_text_contents()) == "red still"
        await page.wait_for_function(IS_AT_ITS_END)
        await site.end(job, attempt, "failed", reason="run: exit code 2")
        await expect(page.locator("#log-state")).to_have_text("The job ended: failed.")
        await expect(page.locator("h1 .state")).to_have_text("failed")
        await expect(page.locator(".notice")).to_have_text("run: exit code 2")
        assert (await page.locator("#log").text_content()).count("first line") == 1


async def test_an_admin_approves_a_strangers_commit_on_its_page(browser, site):
    ids = await scene.lab(site, commits=1)
    token = (await site.admin())["Authorization"].removeprefix("Bearer ")

    async with window(browser, site) as page:
        await page.goto(f"/pipelines/{ids['fork']}")
        notice = page.locator(".notice[data-kind=approval]")
        await expect(notice).to_contain_text(sha(900))
        await expect(notice).to_contain_text("of stranger")
        await expect(notice).to_contain_text("nucleo-f7 (debug, release): 2 jobs")
        await page.get_by_role("link", name="Sign in as an admin").click()
        await sign_in(page, token)
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("h1 .state")).to_have_text("queued")
        await expect(notice).to_have_count(0)
        await expect(page.locator("dl.facts")).to_contain_text("approved by ada")
        await expect(page.locator("tbody tr")).to_have_count(2)


async def test_nothing_in_a_live_log_is_obeyed(browser, site):
    job = await site.job(await site.pipeline(await site.repository()), "running")
    attempt = await site.attempt(job)

    async with window(browser, site) as page:
        await page.goto(f"/jobs/{job}")
        await expect(page.locator("#live")).to_be_visible()
        title = await page.title()
        await site.log(attempt, job, b"<script>document.title='x'</script><img src=x onerror=\"document.title='y'\">")
        await site.log(
            attempt, job, b"\x1b]0;z\x07\x00 \xe2\x80\xae \x1b[2J\x1b]8;;javascript:1\x1b\\link\x1b]8;;\x1b\\"
        )
        await site.log(attempt, job, b"\x1b[31m<img src=x>\x1b[0m cut \x1b]0;never ends\n")
        await site.log(attempt, job, b"\x07after\n")
        await expect(page.locator("#log")).to_contain_text("after")
        text = await page.locator("#log").text_content()
        assert await page.locator("#log script, #log img, #log a:not(.no)").count() == 0
        assert text.startswith("<script>document.title='x'</script><img") and text.endswith(
            "␀ ⟨U+202E⟩ link<img src=x> cut \n␇after\n"
        )
        assert await page.title() == title


async def test_a_list_that_is_open_shows_what_comes_in(browser, site):
    repository = await site.repository()

    async with window(browser, site) as page:
        await page.goto("/pipelines")
        await expect(page.locator("#live")).to_be_visible()
        pipeline = await site.pipeline(repository, title="Just pushed")
        await site.deps.notices.publish("pipeline", pipeline_id=pipeline)
        await expect(page.locator("td.wide")).to_contain_text("Just pushed")


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_all_text_has_contrast_by_light_and_in_the_dark(browser, site, colours):
    ids = await scene.lab(site, commits=24)
    faint, grounds = {}, set()

    async with window(browser, site, color_scheme=colours, extra_http_headers=await site.admin()) as page:
        for path in SCENE_PAGES:
            await page.goto(path.format(**ids))
            await page.evaluate(OPEN_ALL)
            faint[path] = await page.evaluate(FAINT_TEXT)
            grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert {path: found for path, found in faint.items() if found} == {}
    (ground,) = grounds
    assert (sum(map(int, ground[4:-1].split(","))) < 120) == (colours == "dark")


async def test_no_page_scrolls_sideways_on_the_narrowest_screen(browser, site):
    ids = await scene.lab(site, commits=24)
    long = "averyveryverylongword" * 12
    await site.measured(
        ids["repository"], sha(990), [native(long, 1)], title=long, pipeline={"branch": long[:250]}, reason=long
    )

    widths, narrow = {}, {"width": 320, "height": 640}
    async with window(browser, site, viewport=narrow, extra_http_headers=await site.admin()) as page:
        for path in SCENE_PAGES:
            await page.goto(path.format(**ids))
            await page.evaluate(OPEN_ALL)
            widths[path] = await page.evaluate("document.documentElement.scrollWidth")
        await page.goto("/github/acme/firmware/history?branch=*")
        widths["long"] = await page.evaluate("document.documentElement.scrollWidth")

    assert {path: width for path, width in widths.items() if width > 320} == {}, widths


async def test_without_scripts_every_value_can_be_read(browser, site):
    ids = await scene.lab(site, commits=5)

    async with window(browser, site, java_script_enabled=False) as page:
        await page.goto(f"/jobs/{ids['running']}")
        await expect(page.locator("#log")).to_contain_text("booted in 812 ms")
        await expect(page.locator("#log-state")).to_contain_text("reload for more")
        await page.goto("/github/acme/firmware/history")
        await page.get_by_role("link", name="boot").click()
        await page.locator("details.values summary").click()
        await expect(page.locator(".values tbody tr")).to_have_count(5)
        await expect(page.locator("svg.plot-svg .middle")).to_have_count(1)


async def test_the_keyboard_reaches_the_content_at_once(browser, site):
    async with window(browser, site) as page:
        await page.goto("/pipelines")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")

        assert await page.evaluate("document.activeElement.id") == "content"


async def test_a_browser_that_was_given_a_token_reads_the_deliveries_until_one_signs_out(browser, site):
    token = (await site.admin())["Authorization"].removeprefix("Bearer ")

    async with window(browser, site) as page:
        await page.goto("/deliveries")
        await sign_in(page, token)
        await expect(page.locator("h1")).to_have_text("Deliveries")
        assert await page.evaluate("document.cookie") == ""
        await page.get_by_role("button", name="Sign out").click()
        await page.goto("/deliveries")
        await expect(page.get_by_label("Password")).to_be_visible()


async def test_a_builder_is_made_paused_resumed_and_deleted_by_the_keyboard_without_scripts(browser, site):
    token = (await site.admin())["Authorization"].removeprefix("Bearer ")

    async with window(browser, site, java_script_enabled=False) as page:
        await page.goto("/builders")
        await page.locator("main").get_by_role("link", name="Sign in").press("Enter")
        await sign_in(page, token)
        await page.get_by_label("Name").fill("shelf")
        await page.get_by_label("Name").press("Enter")
        await expect(page.get_by_label("Lines for the environment")).to_contain_text("RIGLINE_BUILDER_TOKEN=rlb_")
        await page.get_by_role("link", name="To the page of shelf").press("Enter")
        await expect(page.locator("body")).not_to_contain_text("rlb_")
        await page.get_by_role("button", name="Pause").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Paused")
        await page.get_by_role("button", name="Resume").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Resumed")
        await page.get_by_text("Delete…").press("Enter")
        await page.get_by_role("button", name="Delete shelf").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("The builder is gone")
        await expect(page.get_by_text("No builder yet")).to_be_visible()


async def test_a_question_stays_open_and_filled_in_while_the_page_is_live(browser, site):
    await site.board("nucleo")

    async with window(browser, site, extra_http_headers=await site.admin()) as page:
        await page.goto("/builders/lab-1")
        await expect(page.locator("#live")).to_be_visible()
        question = page.locator("#builders-lab-1-boards-nucleo-maintenance")
        await question.locator("summary").click()
        await question.get_by_label("Why").fill("loose cable")
        async with page.expect_response("**/builders/lab-1"):
            await site.deps.notices.publish("builder", id=1)
        await expect(question.get_by_label("Why")).to_have_value("loose cable")
        await page.get_by_role("button", name="Take nucleo out").click()
        await expect(page.get_by_role("status")).to_be_focused()


async def test_every_button_and_field_has_a_name_of_its_own(browser, site):
    ids = await scene.lab(site, commits=2)
    unnamed = {}

    async with window(browser, site, extra_http_headers=await site.admin()) as page:
        for path in SCENE_PAGES:
            await page.goto(path.format(**ids))
            await page.evaluate(OPEN_ALL)
            unnamed[path] = await page.evaluate(UNNAMED)

    assert {path: found for path, found in unnamed.items() if found} == {}
