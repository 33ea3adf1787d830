"""Making a GitHub App: a page with a button, the way back, and the files."""

import asyncio
import html
import json
import re
import stat
import sys

import httpx2
import pytest

from integrations.fake.server import GITHUB, FakeServer
from integrations.fake.world import World
from tests.cli.commands import ROOT, rigline
from tests.specs.serving import serving

NEEDED = {  # GitHub refuses a manifest with an event that no permission of it covers
    "check_run": "checks",
    "check_suite": "checks",
    "issue_comment": "issues",
    "merge_group": "merge_queues",
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "push": "contents",
    "repository": "metadata",
}
MADE = {
    "id": 1234,
    "slug": "rigline",
    "html_url": "https://github.com/apps/rigline",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nkey\n",
    "webhook_secret": "made by GitHub",
}


@pytest.fixture
async def github():
    world = World()
    world.manifests["the-code"] = MADE
    async with serving(FakeServer(world)) as address:
        yield world, address + GITHUB


async def test_an_app_is_made_by_a_page_on_this_machine_and_the_way_back(github, tmp_path):
    world, api = github
    words = ("github", "create-app", "--public-url", "https://rigline.example", "--organization", "ac me")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", *words, "--api-url", api, "--out", str(tmp_path / "new")),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said = (await asyncio.wait_for(child.stderr.readline(), 30)).decode()
    url = re.search(r"http://127.0.0.1:\d+/", said)[0]
    async with httpx2.AsyncClient(trust_env=False) as browser:
        page = (await browser.get(url)).text
        action = html.unescape(re.search(r'action="([^"]+)"', page)[1])
        asked = json.loads(html.unescape(re.search(r'name="manifest" value="([^"]+)"', page)[1]))
        state = action.partition("?state=")[2]
        stranger = await browser.get(url, params={"code": "evil", "state": "guessed"})
        back = await browser.get(asked["redirect_url"], params={"code": "the-code", "state": state})
    out, err = await asyncio.wait_for(child.communicate(), 30)

    assert "<form" in stranger.text
    assert back.text.startswith("Done")
    assert action.startswith(api.removesuffix("/api/v3") + "/organizations/ac%20me/settings/apps/new?state=")
    assert asked["hook_attributes"]["url"] == "https://rigline.example/webhooks/github"
    assert asked["default_permissions"]["contents"] == "read"
    assert {NEEDED[event] for event in asked["default_events"]} <= set(asked["default_permissions"])
    assert asked["public"] is False
    key, secret = tmp_path / "new" / "github-app.pem", tmp_path / "new" / "github-webhook-secret"
    assert (key.read_text(), secret.read_text()) == (MADE["pem"], MADE["webhook_secret"])
    assert [stat.S_IMODE(each.stat().st_mode) for each in (key, secret)] == [0o600, 0o600]
    assert out.decode().splitlines() == [
        "RIGLINE_GITHUB_APP_ID=1234",
        f"RIGLINE_GITHUB_PRIVATE_KEY_FILE={key}",
        f"RIGLINE_GITHUB_WEBHOOK_SECRETS_FILE={secret}",
    ]
    assert MADE["webhook_secret"] not in (out + err).decode()
    assert [call.path for call in world.calls] == [f"{GITHUB}/app-manifests/the-code/conversions"]
    assert child.returncode == 0


async def test_a_code_is_taken_where_the_browser_ran_elsewhere_and_is_good_once(github, tmp_path):
    _, api = github
    words = ("github", "create-app", "--public-url", "https://rigline.example", "--api-url", api, "--code", "the-code")
    first = await rigline(*words, "--out", str(tmp_path / "a"))
    again = await rigline(*words, "--out", str(tmp_path / "a"))
    used = await rigline(*words, "--out", str(tmp_path / "b"))

    assert first.status == 0
    assert (again.status, "is there already" in again.err) == (1, True)
    assert (used.status, "404" in used.err) == (1, True)
    assert not (tmp_path / "b").exists()
