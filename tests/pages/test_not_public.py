"""With RIGLINE_PUBLIC=no nobody who is not signed in sees anything: asked of every route that the service has."""

import re

import pytest

from app.db.queries import tokens, users
from app.main import create_app
from app.rights import Role
from builders.protocol import PROTOCOL
from tests.pages.site import running
from tests.pages.test_what_is_hidden import NAMES, TELLTALE, addresses, filled, of, operations
from tests.pages.two_repositories import both

OPEN = {  # routes that answer whoever asks, with none of what is kept here
    *(
        "/healthz",
        "/readyz",
        "/static/<path:filename>",
        "/webhooks/<forge_name>",
        "/login",
        "/login.json",
        "/login/<forge>",
    ),
    *("/login/<forge>", "/login/<forge>/callback", "/logout", "/password", "/password.json", "/welcome"),
    *("/unsubscribe/<token>", "/unsubscribe/<token>.json", "/welcome.json", "/api/v1/login"),
}
KEPT = re.compile(rf"{TELLTALE.pattern}|quokka|c0ffee|nucleo|lab-1")  # of either repository, and of the lab
CONVERTER = re.compile(r"<(?:(?:int|any)\(.*?\)|\w+):")


@pytest.fixture
async def site(settings):
    async with running(settings.model_copy(update={"public": False})) as site:
        yield site


@pytest.fixture
async def halves(site):
    return await both(site)


def routes(site):
    """List every route with each kind of request that it takes."""
    for rule in create_app(site.deps).url_map.iter_rules():
        for method in sorted(rule.methods - {"OPTIONS"}):
            yield method, rule


def every(site, half):
    """Write each route's addresses, as far as they name something of a repository."""
    for method, rule in routes(site):
        plain = CONVERTER.sub("<", rule.rule)
        values = {name: ["1"] for name in rule.arguments} | {**NAMES, **of(half), "forge_name": ["github"]}
        for path in filled(plain, values):
            yield method, rule.rule, path


async def answered(site, method, path, **headers):
    """Ask for the beginning of an answer: one that is refused ends, one that streams need not."""
    async with site.http.stream(method, path, headers=headers) as answer:
        streams = answer.headers.get("content-type", "").startswith("text/event-stream")
        return answer.status_code, answer.headers, "" if streams else (await answer.aread()).decode()


async def test_every_route_but_those_to_sign_in_refuses_who_is_not_signed_in(site, halves):
    statuses, told = {}, {}

    for half in halves:
        for method, rule, path in every(site, half):
            status, headers, text = await answered(site, method, path, **{"Rigline-Protocol": str(PROTOCOL)})
            statuses.setdefault((method, rule), set()).add(status)
            if found := KEPT.search(text.replace(path, "").replace(path.replace("/", "%2F"), "")):
                told[method, path] = found[0]
            if rule not in OPEN and status == 401:
                assert headers["WWW-Authenticate"].startswith("Bearer"), (method, path)

    assert told == {}
    assert {each: found for each, found in statuses.items() if each[1] not in OPEN and found != {401}} == {}
    assert {rule for _, rule in statuses} >= OPEN
    assert len(statuses) > 250


async def test_what_is_open_says_no_more_than_that_it_is_there(site, halves):
    ready = await site.json("/readyz")

    assert await site.json("/healthz") == {"status": "ok"}
    assert set(ready) == {"status", "database", "migrations", "redis", "workers", "backups"}
    assert {ready[name] for name in ("database", "migrations", "redis", "backups")} <= {"ok", "off"}
    unsigned = await site.http.post("/webhooks/github", json={}, headers={"X-GitHub-Event": "push"})
    assert (unsigned.status_code, KEPT.search(unsigned.text)) == (401, None)


async def test_a_user_without_any_role_sees_nothing_of_any_repository(site, halves):
    async with site.deps.begin() as db:
        user_id = await users.add(db, "eve", password_hash=None, role=None)
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    site.http.headers["Authorization"] = f"Bearer {text}"
    leaks = {}

    for half in halves:
        mine = re.compile(rf"{half.word}|{half.hashes}")
        for path in sorted({*operations(half), *addresses(half)}):
            if mine.search(path.partition("?")[2]):
                continue  # a page says what it was asked for
            answer = await site.http.get(path)
            if answer.status_code == 200 and (found := mine.search(answer.text)):
                leaks[path] = found[0]

    assert leaks == {}


async def test_who_may_read_is_served_metrics_and_pages_as_ever(site, halves):
    async with site.deps.begin() as db:
        user_id = await users.add(db, "ada", password_hash=None, role=Role.OBSERVER)
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    header = {"Authorization": f"Bearer {text}"}

    measured = await site.http.get("/metrics", headers=header)
    page = await site.http.get(f"/pipelines/{halves[0].ids['pipeline_id']}", headers=header)
    wrong = await site.http.get("/metrics", headers={"Authorization": "Bearer rlu_1_guess"})

    assert (measured.status_code, page.status_code, wrong.status_code) == (200, 200, 401)
    assert "rigline_workers" in measured.text and "quokka title" in page.text
