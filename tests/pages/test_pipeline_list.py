"""The list of pipelines: whatever is looked for is found once, page by page."""

from datetime import timedelta

import pytest

from app.db.queries import pipeline_lists
from tests.pages.site import NOW, Site, sha


async def all_pages(site: Site, query: str) -> list[int]:
    """Follow the list to its end."""
    found, before = [], ""
    while True:
        page = await site.json(f"/pipelines.json?{query}{before}")
        found += [each["id"] for each in page["items"]]
        if page["next"] is None:
            return found
        before = f"&before={page['next']}"


@pytest.mark.parametrize("rare", [1, 5, 5000])
@pytest.mark.parametrize("windows", [(2, 3), (100, 500)])
async def test_every_pipeline_of_a_state_is_listed_once_however_far_back(site, monkeypatch, windows, rare):
    monkeypatch.setattr(pipeline_lists, "WINDOWS", windows)
    monkeypatch.setattr(pipeline_lists, "RARE", rare)
    repository, expected = await site.repository(), {"failed": [], "passed": [], "errored": [], "running": []}
    for number in range(8):
        for state, jobs in {
            "failed": ["failed", "errored"], "errored": ["errored", "passed"], "passed": ["passed"],
            "running": ["failed", "running"],
        }.items():  # fmt: skip
            pipeline = await site.pipeline(repository, sha(number))
            for at, each in enumerate(jobs):
                await site.job(pipeline, each, configuration=f"c{at}")
            expected[state].insert(0, pipeline)
    expected["errored"].insert(0, await site.pipeline(repository, sha(99), error="no such board"))
    await site.job(await site.pipeline(repository, trigger="health"), "failed")

    assert {state: await all_pages(site, f"state={state}") for state in expected} == expected
    assert {state: await all_pages(site, f"state={state}&branch=main") for state in expected} == expected


async def test_pipelines_are_found_by_person_day_branch_and_the_beginning_of_a_hash(site):
    repository = await site.repository()
    old = await site.pipeline(
        repository, "ab" + "0" * 38, requested_by="ada", branch="topic", created_at=NOW - timedelta(days=3)
    )
    new = await site.pipeline(repository, "abf" + "0" * 37, requested_by="grace", pull_request=7, branch=None)
    day = (NOW - timedelta(days=1)).date()

    wanted = {
        "requested_by=ada": [old], f"since={day}": [new], "since=nonsense": [new, old], "branch=topic": [old],
        "commit=ab": [new, old], "commit=abf": [new], "commit=abg": [], "pull_request=7": [new],
        f"since={day}&requested_by=ada": [], "repository=ACME/firmware": [new, old], "repository=acme/none": [],
        "state=passed&branch=topic": [old], "state=passed&pull_request=7": [],
    }  # fmt: skip
    await site.job(old, "passed")

    assert {query: await all_pages(site, query) for query in wanted} == wanted


async def test_filters_are_links_that_keep_what_is_asked_for(site):
    await site.repository("acme/firmware")
    await site.repository("acme/boot", forge_id=3)

    page = await site.get("/pipelines?branch=main&state=failed")

    assert 'href="?repository=acme/boot&amp;state=failed&amp;branch=main"' in page
    assert 'href="?branch=main" aria-current="true"' in page
