"""What people do most, each by mouse, by keyboard alone and without scripts: the whole way, as a person goes it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from app.db.queries import users
from app.rights import Role
from app.settings import Settings
from app.web import passwords
from tests.conftest import Emptier
from tests.pages import measured
from tests.pages.site import NOW, Site, running, sha

MOUSE, KEYBOARD, NO_SCRIPTS = WAYS = ("by mouse", "by keyboard", "without scripts")
PATIENCE = 8_000  # milliseconds
PASSWORD = "correct horse battery staple"
LOG = b"\x1b[32m[ OK ]\x1b[0m check\n" * 300 + b"x.c:3: error: expected 61, got 58\n" + b"cleaning up\n" * 300
IS_STILL = """() => {
  const top = log.scrollTop;
  return new Promise((say) => setTimeout(() => say(log.scrollTop === top), 300));
}"""
IS_AT_ITS_END = "() => log.scrollTop + log.clientHeight >= log.scrollHeight - 4"  # by its id


@dataclass
class Hand:
    """Somebody at a browser, who has a mouse, or a keyboard alone, or no scripts."""

    way: str
    page: Page

    async def press(self, what: Locator) -> None:
        """Press a link, a button or what unfolds."""
        if self.way == KEYBOARD:
            await self._reach(what)
            await self.page.keyboard.press("Enter")
        else:
            await what.click()

    async def write(self, what: Locator, text: str) -> None:
        """Fill a field in."""
        if self.way == KEYBOARD:
            await self._reach(what)
            await self.page.keyboard.type(text)
        else:
            await what.fill(text)

    async def choose(self, what: Locator, name: str) -> None:
        """Choose from a list."""
        if self.way == KEYBOARD:
            await self._reach(what)
            await self.page.keyboard.type(name)
        else:
            await what.select_option(label=name)

    async def _reach(self, what: Locator) -> None:
        """Move the focus, as Tab does in the end: only to what Tab stops at."""
        await expect(what).to_be_visible()
        assert await what.evaluate("each => each.tabIndex >= 0 && !each.disabled")
        await what.focus()
        await expect(what).to_be_focused()

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name).first

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def unfolds(self, name: str) -> Locator:
        return self.page.locator("summary", has_text=name).first

    async def sees(self, words: str) -> None:
        await expect(self.page.get_by_role("status").filter(has_text=words).first).to_be_visible()


@pytest.fixture(scope="module")
async def shop(servers: Settings, emptier: Emptier, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Serve one service for all tasks: each puts there what is its own."""
    emptier.empty()
    given = {"data_dir": tmp_path_factory.mktemp("shop"), "embeds_postgres": False, "embeds_redis": False}
    async with running(servers.model_copy(update=given)) as site:
        await site.repository()
        async with site.deps.begin() as db:
            await users.add(db, "ada", password_hash=await passwords.hashed(PASSWORD), role=Role.ADMIN)
        yield site
    emptier.empty()


@contextlib.asynccontextmanager
async def opened(browser: Browser, shop: Site, way: str) -> AsyncIterator[Hand]:
    """Open a window that nobody has signed in at."""
    context = await browser.new_context(base_url=shop.url, java_script_enabled=way != NO_SCRIPTS)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    yield Hand(way, page)
    await context.close()


async def sign_in(hand: Hand) -> None:
    await hand.write(hand.page.get_by_label("Name"), "ada")
    await hand.write(hand.page.get_by_label("Password"), PASSWORD)
    await hand.press(hand.button("Sign in"))


@pytest.fixture(scope="module", params=WAYS)
async def hand(request: pytest.FixtureRequest, browser: Browser, shop: Site) -> AsyncIterator[Hand]:
    """Sign ada in, one after the other by each way; her tasks follow in the same window."""
    async with opened(browser, shop, request.param) as hand:
        await hand.page.goto("/login?to=/queue")
        await sign_in(hand)
        await expect(hand.page.locator("h1")).to_have_text("Queue")
        yield hand


async def pipeline_of(shop: Site, **values: object) -> int:
    async with shop.deps.begin() as db:
        repository = (await db.exec_driver_sql("SELECT id FROM repository WHERE full_name = 'acme/firmware'")).scalar()
    return await shop.pipeline(repository, sha(len(shop.boards) + 70), **values)


async def board_for(shop: Site, hand: Hand, task: str) -> str:
    """Register a board of this task's own, on a builder of its own."""
    name = f"{task}-{WAYS.index(hand.way)}"
    board = await shop.board(name, f"lab-{name}", type=name)
    await shop.insert("configuration", board_id=board, name="release", tags=[])
    return name


async def test_sign_in(hand):
    await hand.page.goto("/repositories")

    await expect(hand.page.locator("header")).to_contain_text("ada")


async def test_see_why_the_last_pull_request_failed(shop, hand):
    title = f"Round the corners {hand.way}"
    pipeline = await pipeline_of(shop, trigger="pull_request", pull_request=42, branch=None, title=title)
    job = await shop.job(pipeline, "failed", reason="run: exit code 2")
    await shop.log(await shop.attempt(job, "failed", exit_code=2), job, LOG)

    await hand.page.goto("/pipelines?pull_request=42")
    await hand.press(hand.link(title))
    await hand.press(hand.link("nucleo-f7"))
    await expect(hand.page.locator(".notice")).to_have_text("run: exit code 2")
    await hand.press(hand.link("First error"))

    line = hand.page.locator("#L301")
    await expect(line).to_have_text("x.c:3: error: expected 61, got 58")
    await expect(line).to_be_in_viewport()


async def test_search_a_log(shop, hand):
    job = await shop.job(await pipeline_of(shop), "failed")
    await shop.log(await shop.attempt(job, "failed"), job, LOG)

    await hand.page.goto(f"/jobs/{job}")
    await hand.write(hand.page.get_by_label("Search in the whole log"), "GOT 58")
    await hand.page.keyboard.press("Enter")
    if hand.way == NO_SCRIPTS:
        await hand.press(hand.link("301 x.c:3"))

    await expect(hand.page.locator("#L301")).to_be_in_viewport()


async def test_follow_a_log_and_stop_following(shop, hand):
    board = await board_for(shop, hand, "follow")
    job = await shop.job(await pipeline_of(shop), "running", board_type=board)
    attempt = await shop.attempt(job, board=board, phase="run")
    await shop.log(attempt, job, b"begin\n" * 200)
    log, page = hand.page.locator("#log"), hand.page

    await page.goto(f"/jobs/{job}")
    if hand.way == NO_SCRIPTS:  # live by nature: what there is, and a way to more
        await shop.log(attempt, job, b"later\n")
        await expect(page.locator("#log-state")).to_contain_text("reload for more")
        await page.reload()
        await expect(log).to_contain_text("later")
        return
    await expect(page.locator("#log-state")).to_have_text("Waiting for more …")
    await shop.log(attempt, job, b"later\n" * 50)
    await expect(log).to_contain_text("later")
    await page.wait_for_function(IS_AT_ITS_END)
    await log.hover() if hand.way == MOUSE else await log.focus()
    await (page.mouse.wheel(0, -400) if hand.way == MOUSE else page.keyboard.press("PageUp"))
    await expect(page.get_by_label("follow")).not_to_be_checked()
    top = await log.evaluate("each => each.scrollTop")
    await shop.log(attempt, job, b"much later\n" * 50)
    await expect(log).to_contain_text("much later")
    assert await log.evaluate("each => each.scrollTop") <= top
    await page.wait_for_function(IS_STILL)
    await page.get_by_label("follow").press("Space")
    await page.wait_for_function(IS_AT_ITS_END)


async def test_cancel_a_running_job(shop, hand):
    board = await board_for(shop, hand, "cancel")
    job = await shop.job(await pipeline_of(shop), "running", board_type=board)
    await shop.attempt(job, board=board, phase="run")

    await hand.page.goto(f"/jobs/{job}")
    await expect(hand.page.get_by_text("It has not ended: cancel it first.").first).to_be_visible()
    await hand.press(hand.unfolds("Cancel…"))
    if hand.way == KEYBOARD:  # a dialog: Escape leaves everything as it is, and gives the focus back
        await expect(hand.page.locator("dialog:modal")).to_be_visible()
        await hand.page.keyboard.press("Escape")
        await expect(hand.page.locator("dialog:modal")).to_have_count(0)
        await expect(hand.unfolds("Cancel…")).to_be_focused()
        await hand.page.keyboard.press("Enter")
    await hand.write(hand.page.get_by_label("Why"), "wrong branch")
    await hand.press(hand.button(f"Cancel job {job}"))

    await expect(hand.page.get_by_text("Being cancelled: wrong branch")).to_be_visible()


async def test_retry_a_failed_job(shop, hand):
    job = await shop.job(await pipeline_of(shop), "failed")

    await hand.page.goto(f"/jobs/{job}")
    await hand.press(hand.button("Retry"))

    await hand.sees("this is the new job")
    await expect(hand.page.locator("h1 .state")).to_have_text("queued")


async def test_approve_a_strangers_commit(shop, hand):
    pipeline = await pipeline_of(
        shop, trigger="pull_request", pull_request=7, branch=None, from_fork=True, trust=None, title="From outside"
    )
    await shop.job(pipeline, "awaiting_approval", queued_at=None)

    await hand.page.goto(f"/pipelines/{pipeline}")
    await hand.press(hand.page.get_by_role("button", name="Approve"))

    await expect(hand.page.locator("h1 .state")).to_have_text("queued")


async def test_see_why_a_job_waits(shop, hand):
    board = await board_for(shop, hand, "wait")
    job = await shop.job(await pipeline_of(shop), "queued", board_type=board)
    await shop.update("builder", await builder_of(shop, board), state="paused")

    await hand.page.goto("/queue")
    await hand.press(hand.page.locator(f"a[href='/jobs/{job}']").last)

    await expect(hand.page.locator(".notice").filter(has_text="Waits:")).to_contain_text("paused")


async def builder_of(shop: Site, board: str) -> int:
    async with shop.deps.begin() as db:
        asked = f"SELECT builder_id FROM board WHERE name = '{board}'"
        return int((await db.exec_driver_sql(asked)).scalar_one())


async def test_pause_a_builder_and_take_a_board_out(shop, hand):
    board = await board_for(shop, hand, "pause")

    await hand.page.goto("/builders")
    await hand.press(hand.page.locator(f"a[href='/builders/lab-{board}']").first)
    await hand.press(hand.button("Pause"))
    await hand.sees("gets no new jobs")
    await hand.press(hand.button("Resume"))
    await hand.sees("gets jobs again")
    await hand.press(hand.page.locator(f"#builders-lab-{board}-boards-{board}-maintenance summary"))
    await hand.write(hand.page.locator("details[open]").get_by_label("Why"), "loose cable")
    await hand.press(hand.button(f"Take {board} out"))

    await hand.sees("Taken out")
    await expect(hand.page.get_by_text("loose cable").first).to_be_visible()


async def measured_once(shop: Site) -> None:
    """Give a repository a history with a shift, for all tests together."""
    if "bench" not in shop.boards:
        made = await measured.history(shop, commits=40, targets=1, full_name="acme/bench")
        await measured.shift(shop, made, made.series[0], 26, before=58.0, after=55.1)
        shop.boards["bench"] = 0


async def test_find_the_commit_of_a_shift(shop, hand):
    await measured_once(shop)

    await hand.page.goto("/github/acme/bench")
    await hand.press(hand.page.locator("main a[href*='/alerts/']").first)
    await expect(hand.page.locator("main")).to_contain_text(sha(26)[:10])
    await hand.page.goto("/github/acme/bench")
    await hand.press(hand.link("draw/arc/rounded"))

    await expect(hand.page.locator("svg.plot-svg, canvas").first).to_be_visible()


async def test_compare_two_commits_of_a_history(shop, hand):
    await measured_once(shop)

    await hand.page.goto("/github/acme/bench/history")
    await hand.press(hand.link("draw/arc/rounded"))
    for field, commit in (("Base", 24), ("Head", 28)):
        choice = hand.page.get_by_role("combobox", name=field)
        await expect(choice).to_be_visible()
        labels = await choice.locator("option").all_inner_texts()
        await hand.choose(choice, next(each for each in labels if each.startswith(sha(commit)[:10])))
    await hand.press(hand.button("Compare"))

    await expect(hand.page).to_have_url(f"{shop.url}/github/acme/bench/compare/{sha(24)}...{sha(28)}")
    facts = hand.page.locator("dl.facts")
    await expect(facts).to_contain_text(sha(24)[:10])
    await expect(facts).to_contain_text(sha(28)[:10])
    await expect(hand.page.locator("main table")).to_contain_text("draw/arc/rounded")


async def test_dispatch_a_commit(shop, hand):
    board = await board_for(shop, hand, "dispatch")

    await hand.page.goto("/github/acme/firmware")
    await hand.press(hand.link("dispatch"))
    await expect(hand.page.get_by_label("Repository that is served")).to_have_value("acme/firmware")
    await hand.write(hand.page.get_by_label("Commit, its full hash"), sha(3))
    await hand.choose(hand.page.get_by_label("What to do"), "build only")
    await hand.write(hand.page.get_by_label("Boards or board types"), board)
    await hand.write(hand.page.get_by_label("Seconds that each job may take"), "60")
    await hand.press(hand.button("Dispatch"))

    await expect(hand.page.locator("h1 .state")).to_have_text("queued")
    await expect(hand.page.locator("dl.facts")).to_contain_text("build only, at most 1 min 00 s per job")


async def test_add_a_repository(shop, hand):
    name = f"acme/added-{'x' * WAYS.index(hand.way)}"

    await hand.page.goto("/repositories")
    await hand.choose(hand.page.locator("select[name=forge]"), "github")
    await hand.write(hand.page.get_by_label("Owner and name"), name)
    await hand.press(hand.unfolds("The forge cannot be asked"))
    await hand.write(hand.page.get_by_label("Numeric id"), str(900 + WAYS.index(hand.way)))
    await hand.press(hand.button("Serve it"))

    await hand.sees("It is served")
    await hand.press(hand.link("settings"))
    await expect(hand.page.locator("h1")).to_have_text(f"Settings of {name}")


async def test_no_page_of_these_tasks_has_a_serious_finding_of_axe(shop, browser):
    board = await shop.board("axe", "lab-axe", type="axe")
    await shop.insert("configuration", board_id=board, name="release", tags=[])
    pipeline = await pipeline_of(shop, title="Looked at")
    job = await shop.job(pipeline, "running", board_type="axe")
    attempt = await shop.attempt(job, board="axe", phase="run")
    await shop.log(attempt, job, b"[rigline] build: make\n\x1b[31merror: no\x1b[0m\n[rigline] run: ./x\nok\n")
    repository = (await shop.json("/repositories.json"))["items"][0]["id"]
    await shop.insert(
        "schedule", repository_id=repository, rule="nightly", cron="0 3 * * *", next_at=NOW + timedelta(hours=1)
    )
    pages = (
        "/login", f"/jobs/{job}?q=error", f"/pipelines/{pipeline}", "/pipelines", "/queue", "/builders",
        "/builders/lab-axe", "/repositories", "/dispatch", "/schedules", "/deliveries", "/github/acme/firmware",
        "/github/acme/firmware/settings",
    )  # fmt: skip

    async with opened(browser, shop, MOUSE) as hand:
        await hand.page.goto("/login")
        await sign_in(hand)
        found = {}
        for path in pages:
            await hand.page.goto(path)
            told = (await Axe().run(hand.page, options={"resultTypes": ["violations"]})).response["violations"]
            found[path] = [
                (each["id"], node["html"])
                for each in told if each["impact"] in ("serious", "critical")
                for node in each["nodes"][:3]
            ]  # fmt: skip

    assert {path: each for path, each in found.items() if each} == {}
