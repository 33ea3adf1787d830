"""The page of two commits has a button that takes their regressions knowingly."""

import pytest

from app.rights import Role
from tests.compared import BASE, WORSE, compare, row
from tests.specs.ruling import A
from tests.specs.test_approval_page import token
from tests.specs.test_verdict_statuses import ALONE, FAILING, Judged, shown

PAGE = f"/github/acme/firmware/compare/{BASE}...{A}"
PUBLIC = "https://rigline.example"


@pytest.fixture
async def pull(world):
    await world.offer("nucleo", "pi")
    found = Judged(world)
    await found.open(ALONE)
    await found.say([FAILING, row("other", **WORSE, fails=True)])
    return found


async def press(pull, *, page=PAGE, token="", **form):
    headers = {"Origin": PUBLIC} | ({"Authorization": f"Bearer {token}"} if token else {})
    return await pull.world.http.post(f"{page}/accept", data=form, headers=headers)


async def test_an_admin_accepts_on_the_page_what_it_showed_and_the_status_succeeds(pull):
    given = await token(pull.world)
    answer = await press(pull, token=given, reason="it is needed")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}?done=accepted")
    await pull.world.send()
    assert shown(pull)[0] == "success"
    text = (await pull.world.http.get(PAGE)).text
    assert "accepted by a-admin" in text
    assert "Accept what regressed" not in text


async def test_one_benchmark_is_accepted_alone(pull):
    await press(pull, token=await token(pull.world), reason="it is needed", benchmark="draw")

    await pull.world.send()
    assert shown(pull)[0] == "failure"
    [kept] = await pull.world.rows(pull.world.tables.acceptance)
    assert (kept.said_by, kept.via, kept.pull_request) == ("a-admin", "page", 9)


async def test_nobody_accepts_without_the_right_a_reason_or_exact_commits(pull):
    admin, member = await token(pull.world), await token(pull.world, Role.COMMITTER)
    short = PAGE.replace(A, A[:10])

    assert (await press(pull, reason="it is needed")).status_code == 401
    assert (await press(pull, token=member, reason="it is needed")).status_code == 403
    assert (await press(pull, token=admin)).status_code == 422
    assert (await press(pull, page=short, token=admin, reason="it is needed")).status_code == 422
    assert (await press(pull, token=admin, reason="it is needed", benchmark="none such")).status_code == 409
    assert await pull.world.rows(pull.world.tables.acceptance) == []


async def test_the_button_is_there_only_where_something_waits(pull):
    assert "Accept what regressed" in (await pull.world.http.get(PAGE)).text

    await compare(pull.world.deps, (await pull.jobs())["nucleo"], [])
    assert "Accept what regressed" not in (await pull.world.http.get(PAGE)).text
