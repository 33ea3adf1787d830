"""Operations are tried in the page that describes them, by keyboard too, and the page is read without scripts."""

import json
import re

import httpx2
from playwright.async_api import expect

from tests.pages.test_browser import FAINT_TEXT, OPEN_ALL, UNNAMED, window


async def test_an_operation_is_tried_in_the_page_and_the_token_stays_in_its_memory(browser, site):
    job = await site.job(await site.pipeline(await site.repository()), "queued")
    token = (await site.admin())["Authorization"].removeprefix("Bearer ")

    async with window(browser, site, viewport={"width": 320, "height": 700}) as page:
        await page.goto("/docs#cancel_job")
        form = page.locator("#cancel_job form.try")
        await form.get_by_label("job_id").fill(str(job))
        await form.get_by_label("Body").fill('{"reason": "wrong board"}')
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(form.locator(".answer")).to_contain_text("401")
        await page.get_by_label("Token, for").fill(token)
        await form.get_by_role("button", name="Send POST").click()
        await expect(form.locator(".answer")).to_contain_text('"cancel_reason": "wrong board"')
        kept = await page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        )
        wide = await page.evaluate("document.documentElement.scrollWidth")
        await page.reload()
        assert await page.get_by_label("Token, for").input_value() == ""

    assert token not in kept
    assert wide <= 320


async def test_a_stream_is_shown_as_it_comes_and_can_be_stopped(browser, site):
    job = await site.job(await site.pipeline(await site.repository()), "running")
    attempt = await site.attempt(job, phase="run")
    await site.log(attempt, job, b"first line\n")

    async with window(browser, site) as page:
        await page.goto("/docs#stream_log")
        form = page.locator("#stream_log form.try")
        await form.get_by_label("job_id").fill(str(job))
        await form.get_by_role("button", name="Send GET").click()
        await expect(form.locator(".answer pre")).to_contain_text("first line")
        await form.get_by_role("button", name="Stop").click()
        await expect(form.locator(".answer")).to_contain_text("Stopped.")


async def test_the_page_is_complete_without_scripts_and_readable_in_the_dark(browser, site):
    async with window(browser, site, java_script_enabled=False) as page:
        await page.goto("/docs")
        await page.locator("#dispatch > summary").click()
        await expect(page.locator("#dispatch")).to_contain_text("-d '{")
        await expect(page.locator("#dispatch form.try")).to_be_hidden()
    async with window(browser, site, color_scheme="dark") as page:
        await page.goto("/docs")
        await page.evaluate(OPEN_ALL)
        faint, unnamed = await page.evaluate(FAINT_TEXT), await page.evaluate(UNNAMED)

    assert (faint, unnamed) == ([], [])


async def test_every_example_of_the_page_is_one_that_the_service_takes(browser, site):
    async with httpx2.AsyncClient() as http:
        page = (await http.get(f"{site.url}/docs")).text
        told = (await http.get(f"{site.url}/openapi.json")).json()
    shown = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    examples = [
        each["requestBody"]["content"]["application/json"]["example"]
        for methods in told["paths"].values()
        for each in methods.values()
        if "application/json" in each.get("requestBody", {}).get("content", {})
    ]

    assert len(shown) == len(examples) > 20
    assert {json.dumps(each, sort_keys=True) for each in examples} == {
        json.dumps(json.loads(each.replace("&#34;", '"').replace("&#39;", "'")), sort_keys=True) for each in shown
    }
