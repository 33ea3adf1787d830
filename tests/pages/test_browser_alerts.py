"""The pages of alerts in a real browser: on any screen, by light and in the dark, with names for all there is."""

import pytest

from tests.pages.site import Site
from tests.pages.test_browser import FAINT_TEXT, OPEN_ALL, UNNAMED, window
from tests.results.lines import History, stepped

LIST = "/github/acme/firmware/alerts"
LONG = "averyveryverylongword" * 4


async def alerts(site: Site) -> list[str]:
    """Make some alerts; gives the pages that show them."""
    history = await History.begin(site)
    await stepped(history, "draw/arc/rounded", at=30, before=60, after=66, better="higher")
    for number in range(3):
        await stepped(
            history, f"boot {number}", after=108 + number, seed=number, configuration=LONG if number else "release"
        )
    newest = (await history.alerts())[0]
    await history.say(
        newest.id, "acknowledged", reason=f"looking {LONG}", assignee="ada", link=f"https://example.org/{LONG}"
    )
    return [LIST, f"{LIST}?state=every", f"{LIST}/{newest.id}", f"{LIST}/{newest.id - 1}"]


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_pages_of_alerts_can_be_read_on_a_phone_by_everybody(browser, site, colours):
    pages = await alerts(site)
    headers = await site.admin()

    faint, unnamed, wide = {}, {}, {}
    phone = {"viewport": {"width": 320, "height": 640}, "color_scheme": colours, "extra_http_headers": headers}
    async with window(browser, site, **phone) as page:
        for path in pages:
            await page.goto(path)
            await page.evaluate(OPEN_ALL)
            faint[path] = await page.evaluate(FAINT_TEXT)
            unnamed[path] = await page.evaluate(UNNAMED)
            wide[path] = await page.evaluate("document.documentElement.scrollWidth > 320")

    for found in (faint, unnamed, wide):
        assert {path: what for path, what in found.items() if what} == {}


async def test_an_alert_is_judged_without_scripts(browser, site):
    *_, page_of_one = await alerts(site)
    headers = await site.admin()

    async with window(browser, site, java_script_enabled=False, extra_http_headers=headers) as page:
        await page.goto(page_of_one)
        await page.get_by_label("State").select_option("noise")
        await page.get_by_label("Reason").fill("the fan")
        await page.get_by_role("button", name="Say it").click()

        assert "ada said noise" in " ".join(await page.locator(".notice p").all_text_contents())
