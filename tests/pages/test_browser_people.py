"""People in a real browser: the first visit by the keyboard alone, and the link that sets a password."""

from playwright.async_api import expect

from app import first_visit
from tests.pages.site import running
from tests.pages.test_browser import window

PASSWORD = "correct horse battery"


async def test_the_first_admin_comes_in_by_the_keyboard_without_scripts_and_invites_somebody(browser, settings):
    async with running(settings.model_copy(update={"embeds_postgres": True})) as site:
        code = first_visit.make(site.deps.settings.data_dir)
        async with window(browser, site, java_script_enabled=False, viewport={"width": 320, "height": 640}) as page:
            await page.goto("/")
            for label, value in (("Code", code), ("Name", "ada"), ("Password", PASSWORD)):
                await page.get_by_label(label).fill(value)
            await page.get_by_label("Password").press("Enter")
            await expect(page.locator(".who-name")).to_have_text("ada")
            await page.goto("/admin")
            await page.get_by_label("Name").fill("grace")
            await page.get_by_label("Name").press("Enter")
            link = (await page.locator("#link").text_content() or "").strip()
            await page.get_by_role("button", name="Sign out").press("Enter")
            await expect(page.get_by_role("status")).to_contain_text("signed out")
        async with window(browser, site) as page:
            await page.goto(f"/password#{link.partition('#')[2]}")
            await expect(page.get_by_label("Link")).not_to_have_value("")
            assert "#" not in page.url
            await page.get_by_label("New password").fill(PASSWORD)
            await page.get_by_label("New password").press("Enter")
            await page.get_by_label("Name").fill("grace")
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_label("Password").press("Enter")
            await expect(page.locator(".who-name")).to_have_text("grace")
            assert await page.evaluate("document.cookie") == ""
