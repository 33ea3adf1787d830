"""The pages of users: one's own account, those of admins, the link for a password, the first visit."""

import re

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from app import first_visit
from app.db import tables
from app.db.queries import users
from app.rights import Role
from tests.pages.site import running
from tests.pages.test_buttons import admitted, forms, notice, press, said

PASSWORD, OTHER = "correct horse battery", "another horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


async def member(site, name="grace", role=Role.COMMITTER):
    async with site.deps.begin() as db:
        return await users.add(db, name, password_hash=CHEAP, role=role)


async def sign_in(site, name="grace", password=PASSWORD, agent="curl/8.0"):
    """Sign in as a new browser; gives the status."""
    site.http.cookies.clear()
    headers = {"Origin": site.url, "User-Agent": agent}
    answer = await site.http.post("/login", data={"name": name, "password": password}, headers=headers)
    site.http.headers["Origin"] = site.url
    return answer.status_code


async def live(site):
    async with site.deps.begin() as db:
        found = await db.execute(sa.select(tables.session).where(tables.session.c.revoked_at.is_(None)))
    return len(found.all())


async def test_a_user_sees_where_it_is_signed_in_and_ends_the_others(site):
    await member(site)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    await sign_in(site), await sign_in(site), await sign_in(site, agent=firefox)

    shown = await site.json("/account.json")
    others = [each["id"] for each in shown["sessions"] if each["id"] != shown["this_session"]]
    await press(site, "/account", f"/account/sessions/{others[0]}/end")
    left = await live(site)
    await press(site, "/account", "/account/sessions/end")

    assert [each["agent"] for each in shown["sessions"]] == ["curl/8.0", "curl/8.0", "Firefox 128 on Linux"]
    assert {each["address"] for each in shown["sessions"]} == {"127.0.0.1"}
    assert (left, await live(site)) == (2, 1)
    assert "this one" in await site.get("/account")


async def test_a_changed_password_ends_all_other_sessions(site):
    await member(site)
    await sign_in(site), await sign_in(site)

    wrong = await press(site, "/account", "/account/password", current="guess", password=OTHER)
    short = await press(site, "/account", "/account/password", current=PASSWORD, password="short")
    left = await live(site)
    done = await press(site, "/account", "/account/password", current=PASSWORD, password=OTHER)

    assert (wrong.status_code, short.status_code, done.status_code, left) == (401, 422, 303, 2)
    assert "is wrong" in notice(wrong.text)[0]
    assert (await live(site), "grace" in await site.get("/account")) == (1, True)
    assert (await sign_in(site), await sign_in(site, password=OTHER)) == (401, 303)
    assert await said(site, "user.password") == [("grace", "grace")]


async def test_a_user_makes_a_token_that_is_shown_once_and_revokes_only_its_own(site):
    await member(site), await member(site, "bob")
    await sign_in(site, "bob")
    await press(site, "/account", "/account/tokens", name="laptop", days="7")
    [of_bob] = (await site.json("/account.json"))["tokens"]
    await sign_in(site)

    made = await press(site, "/account", "/account/tokens", name="laptop", days="7")
    token = re.search(r"RIGLINE_TOKEN=(rlu_\S+?)<", made.text)[1]
    works = await site.http.get("/api/v1/tokens", headers={"Authorization": f"Bearer {token}"})
    [mine] = (await site.json("/account.json"))["tokens"]
    form = (await forms(site, "/account"))[f"/account/tokens/{mine['id']}/revoke"]
    theirs = await site.http.post(f"/account/tokens/{of_bob['id']}/revoke", data=form)
    await press(site, "/account", f"/account/tokens/{mine['id']}/revoke")
    after = await site.http.get("/api/v1/tokens", headers={"Authorization": f"Bearer {token}"})

    assert (made.status_code, made.headers["Cache-Control"], token in await site.get("/account")) == (
        201,
        "no-store",
        False,
    )
    assert (works.status_code, theirs.status_code, after.status_code) == (200, 404, 401)


async def test_an_admin_makes_a_user_who_sets_a_password_by_the_link_once(site):
    await admitted(site)

    made = await press(site, "/admin", "/admin/users", name="grace", role="maintainer")
    link = re.search(r"<code>(\S+/password#\S+)</code>", made.text)[1]
    code = link.partition("#")[2]
    site.http.cookies.clear()
    form = {"code": link, "password": PASSWORD}
    wrong = await site.http.post("/password", data={**form, "code": "guess"})
    done = await site.http.post("/password", data=form)
    again = await site.http.post("/password", data={**form, "password": OTHER})

    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert (wrong.status_code, done.status_code, again.status_code) == (403, 303, 403)
    assert await sign_in(site) == 303
    assert "You are maintainer" in await site.get("/account")
    async with site.deps.begin() as db:
        kept = str((await db.execute(sa.select(tables.audit))).all())
    assert code not in kept and ("grace", "by a link") in await said(site, "user.password")


async def test_a_newer_link_or_a_day_makes_a_link_worth_nothing(site):
    await member(site)
    await admitted(site)
    links = []
    for _ in range(2):
        made = await press(site, "/admin/users/grace", "/admin/users/grace/reset")
        links.append(re.search(r"<code>(\S+/password#\S+)</code>", made.text)[1])
    replaced = await site.http.post("/password", data={"code": links[0], "password": OTHER})
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.password_reset).values(ends_at=sa.func.now()))
    late = await site.http.post("/password", data={"code": links[1], "password": OTHER})

    assert (replaced.status_code, late.status_code) == (403, 403)


async def test_an_admin_gives_a_role_signs_out_and_removes_a_user_and_the_audit_says_so(site):
    await member(site)
    await sign_in(site)
    grace = dict(site.http.cookies)
    site.http.cookies.clear()
    await admitted(site)
    page = "/admin/users/grace"

    await press(site, page, f"{page}/role", role="observer")
    nonsense = await press(site, page, f"{page}/role", role="king")
    signed_out = await press(site, page, f"{page}/sessions/end")
    removed = await press(site, page, f"{page}/delete")
    last = await press(site, "/admin/users/ada", "/admin/users/ada/delete")
    site.http.cookies.clear()
    old = await site.http.get("/account", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in grace.items())})

    assert (nonsense.status_code, signed_out.status_code, removed.headers["location"]) == (
        422, 303, "/admin?done=user%20removed",
    )  # fmt: skip
    assert last.status_code == 409 and "last admin" in notice(last.text)[0]
    assert old.status_code == 401
    told = [await said(site, each) for each in ("user.role", "session.revoked", "user.removed")]
    assert told == [[("ada", "grace, observer")], [("ada", "all 1 of grace")], [("ada", "grace")]]


async def test_pages_of_admins_are_for_admins_and_list_what_lets_people_in(site):
    await member(site)
    await sign_in(site)
    refused = [(await site.http.get(each)).status_code for each in ("/admin", "/admin/tokens", "/admin/users/ada")]
    hidden = 'href="/admin"' in await site.get("/account")
    site.http.cookies.clear()
    await admitted(site)
    [browser, _] = (await site.json("/admin/sessions.json"))["items"]
    [token] = (await site.json("/admin/tokens.json"))["items"]

    await press(site, "/admin/sessions", f"/admin/sessions/{browser['id']}/end")
    revoked = await press(site, "/admin/tokens", f"/admin/tokens/{token['id']}/revoke")

    assert (refused, hidden) == ([403] * 3, False)
    assert (browser["user"], token["user"]) == ("grace", "ada")
    assert revoked.headers["location"] == "/admin/tokens?done=token%20revoked"
    assert (await site.http.get("/admin")).status_code == 401  # that session had begun with the token


async def test_many_users_are_paged(site):
    await admitted(site)
    for number in range(51):
        await member(site, f"user-{number}")

    first = await site.json("/admin.json")
    rest = await site.json(f"/admin.json?after={first['next']}")

    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (50, 2, None)


@pytest.fixture
async def fresh(settings):
    async with running(settings.model_copy(update={"embeds_postgres": True})) as site:
        site.http.headers["Origin"] = site.url
        yield site


async def test_the_first_visit_makes_the_admin_who_knows_the_code_and_nobody_after_that(fresh):
    folder = fresh.deps.settings.data_dir
    code = first_visit.make(folder)
    start = await fresh.http.get("/")
    form = {"name": "ada", "password": PASSWORD}

    wrong = [await fresh.http.post("/welcome", data={**form, "code": each}) for each in ("", "AAAA-BBBB-CCCC-DDDD")]
    weak = await fresh.http.post("/welcome", data={**form, "code": code, "password": "short"})
    done = await fresh.http.post("/welcome", data={**form, "code": code.lower().replace("-", " ")})
    late = await fresh.http.post("/welcome", data={**form, "name": "eve", "code": code})

    assert (start.status_code, start.headers["location"]) == (303, "/welcome")
    assert ([each.status_code for each in wrong], weak.status_code) == ([403, 403], 422)
    assert (done.status_code, done.headers["location"], late.status_code) == (303, "/", 404)
    assert (await fresh.http.get("/welcome")).status_code == 404
    assert "You are admin" in await fresh.get("/account")
    assert not first_visit.file_of(folder).exists()


async def test_without_a_code_or_on_a_shared_database_nobody_becomes_admin_by_being_first(fresh, site):
    without = await fresh.http.post("/welcome", data={"name": "eve", "password": PASSWORD, "code": ""})
    shared = await site.http.get("/welcome")

    assert (without.status_code, shared.status_code) == (403, 404)
    assert (await site.http.get("/")).status_code == 200


def test_the_code_is_for_the_account_of_the_service_alone(tmp_path):
    first, second = first_visit.make(tmp_path), first_visit.make(tmp_path)

    assert first_visit.file_of(tmp_path).stat().st_mode & 0o777 == 0o600
    assert (first_visit.is_code(tmp_path, first), first_visit.is_code(tmp_path, second)) == (False, True)
