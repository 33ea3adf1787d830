"""Open pages change by themselves, and leave alone what somebody is at."""

import re

from playwright.async_api import expect

from tests.pages.site import NOW, Site, running
from tests.pages.test_browser import window


async def end(site: Site, job: int, attempt: int, pipeline: int, state: str) -> None:
    await site.update("attempt", attempt, ended_at=NOW, outcome=state)
    await site.update("job", job, state=state, ended_at=NOW)
    await site.deps.notices.publish("job", pipeline=pipeline, job=job, state=state)


async def test_an_open_page_goes_on_at_the_process_that_takes_the_port_over(browser, settings):
    async with running(settings) as site:
        pipeline = await site.pipeline(await site.repository(), title="Restart under us")
        job = await site.job(pipeline, "running")
        attempt = await site.attempt(job, phase="run")
        port = int(site.url.rpartition(":")[2])
        context = await browser.new_context(base_url=site.url)
        page = await context.new_page()
        await page.goto(f"/pipelines/{pipeline}")
        await expect(page.locator("#live")).to_have_text("live")
        await expect(page.locator("h1 .state")).to_have_text("running")
    await expect(page.locator("#live")).to_have_text("connection lost, trying again", timeout=10_000)

    async with running(settings, port) as site:
        await end(site, job, attempt, pipeline, "failed")  # before the page is back, or after
        await expect(page.locator("h1 .state")).to_have_text("failed", timeout=10_000)
        await expect(page.locator("#live")).to_have_text("live")
        await context.close()


async def test_focus_typed_text_and_what_is_unfolded_stay_while_a_page_changes(browser, site):
    repository = await site.repository()
    first = await site.pipeline(repository, title="First")

    async with window(browser, site) as page:
        await page.goto("/pipelines")
        await expect(page.locator("#live")).to_be_visible()
        link = page.get_by_role("link", name=re.compile("First"))
        await link.focus()
        second = await site.pipeline(repository, title="Second")
        await site.deps.notices.publish("pipeline", pipeline=second)
        await expect(page.locator("td.wide").first).to_contain_text("Second")
        await expect(link).to_be_focused()
        assert await page.evaluate("document.activeElement.getAttribute('href')") == f"/pipelines/{first}"

        await page.get_by_label("Branch").fill("feat")
        third = await site.pipeline(repository, title="Third")
        await site.deps.notices.publish("pipeline", pipeline=third)
        await expect(page.locator("td.wide").first).to_contain_text("Third")
        await expect(page.get_by_label("Branch")).to_have_value("feat")
        await expect(page.get_by_label("Branch")).to_be_focused()


async def test_the_end_of_a_pipeline_on_the_page_is_said_and_put_away_by_a_key(browser, site):
    pipeline = await site.pipeline(await site.repository(), title="Tune the cache")
    job = await site.job(pipeline, "running")
    attempt = await site.attempt(job)

    async with window(browser, site) as page:
        await page.goto(f"/pipelines/{pipeline}")
        await expect(page.locator("#live")).to_be_visible()
        await end(site, job, attempt, pipeline, "passed")
        await expect(page.get_by_role("status")).to_contain_text(f"Pipeline {pipeline} passed: Tune the cache")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("status")).to_have_count(0)


async def test_keys_lead_to_the_pages_and_are_listed(browser, site):
    async with window(browser, site) as page:
        await page.goto("/")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("g")
        await page.keyboard.press("p")
        await page.wait_for_url("**/pipelines")
        await page.keyboard.press("/")
        await expect(page.get_by_label("Repository")).to_be_focused()
        await page.keyboard.type("g q ?")
        await expect(page.get_by_label("Repository")).to_have_value("g q ?")
        await page.keyboard.press("Tab")
        await page.locator("h1").click()
        await page.keyboard.press("?")
        await page.get_by_label("Use these keys in this browser").uncheck()
        await page.get_by_role("button", name="Close").click()
        await page.reload()
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
