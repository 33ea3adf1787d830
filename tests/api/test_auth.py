"""Who may do what: nobody writes anonymously, and a token is what it says."""

import asyncpg

from app.db.session import arguments
from app.web.api.operations import OPERATIONS
from tests.api.service import PASSWORD, Service

CREDENTIALS = (
    "Bearer rlu_1.wrong",
    "Bearer rlu_999999.wrong",
    "Bearer rlu_.",
    "Bearer rlu_٣.x",
    "Bearer rlu_99999999999999999999.x",
    "Bearer nonsense",
    "Basic cm9vdDpyb290",
    "",
)
WRITES = [
    ("POST", "/pipelines"),
    ("POST", "/pipelines/1/cancel"),
    ("POST", "/jobs/1/retry"),
    ("DELETE", "/pipelines/1"),
    ("POST", "/builders"),
    ("POST", "/repositories"),
    ("POST", "/users/root"),
    ("POST", "/tokens"),
    ("POST", "/deliveries/1/replay"),
]


async def test_nobody_writes_anonymously(service: Service) -> None:
    answers = {(method, path): await service.web.request(method, path, json={}) for method, path in WRITES}

    assert {asked: answer.status_code for asked, answer in answers.items()} == dict.fromkeys(WRITES, 401)
    for answer in answers.values():
        assert "rigline admin create-token" in answer.json()["error"]["message"]
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_operation_that_changes_something_needs_a_right() -> None:
    open_to_all = {each.path for each in OPERATIONS if each.method != "GET" and each.right is None}

    assert open_to_all == {"/login"}


async def test_the_local_socket_needs_no_token_and_no_header_pretends_to_be_it(service: Service) -> None:
    body = {"name": "shelf"}
    pretended = await service.web.post("/builders", json=body, headers={"rigline.local": "true", "Host": "rigline"})
    real = await service.local.post("/builders", json=body)

    assert (pretended.status_code, real.status_code) == (401, 201)


async def test_wrong_credentials_are_refused(service: Service) -> None:
    await service.token()

    for credentials in CREDENTIALS:
        answer = await service.web.post("/pipelines", json={}, headers={"Authorization": credentials.encode()})

        assert (credentials, answer.status_code) == (credentials, 401)
        assert answer.json()["error"]["code"] == "unauthorized"


async def test_a_builders_token_is_no_users_token(service: Service) -> None:
    made = (await service.local.post("/builders", json={"name": "shelf"})).json()

    answer = await service.web.post(
        "/builders", json={"name": "other"}, headers={"Authorization": f"Bearer {made['token']}"}
    )

    assert answer.status_code == 401


async def test_a_committer_may_not_do_what_only_an_admin_may(service: Service) -> None:
    member, admin = [{"Authorization": f"Bearer {await service.token(role)}"} for role in ("committer", "admin")]

    refused = await service.web.post("/builders", json={"name": "shelf"}, headers=member)
    allowed = await service.web.post("/builders", json={"name": "shelf"}, headers=admin)

    assert (refused.status_code, allowed.status_code) == (403, 201)
    assert "role admin or maintainer" in refused.json()["error"]["message"]


async def test_a_revoked_token_stops_working_at_once(service: Service) -> None:
    token = {"Authorization": f"Bearer {await service.token()}"}
    mine = (await service.web.get("/tokens", headers=token)).json()["items"]

    revoked = await service.web.delete(f"/tokens/{mine[0]['id']}", headers=token)
    after = await service.web.get("/tokens", headers=token)

    assert (len(mine), revoked.status_code, after.status_code) == (1, 204, 401)


async def test_an_expired_token_is_refused_by_the_databases_clock(service: Service) -> None:
    token = {"Authorization": f"Bearer {await service.token()}"}
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    before = await service.web.get("/tokens", headers=token)
    await db.execute("UPDATE token SET expires_at = now() - interval '1 second'")
    after = await service.web.get("/tokens", headers=token)
    await db.close()

    assert (before.status_code, after.status_code) == (200, 401)


async def test_the_last_use_of_a_token_is_kept_to_the_minute(service: Service) -> None:
    token = {"Authorization": f"Bearer {await service.token()}"}
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    seen = []
    for seconds in (0, 30, 90):
        await db.execute("UPDATE token SET used_at = used_at - make_interval(secs => $1)", float(seconds))
        before = await db.fetchval("SELECT used_at FROM token")
        await service.web.get("/tokens", headers=token)
        seen.append(before != await db.fetchval("SELECT used_at FROM token"))
    await db.close()

    assert seen == [True, False, True]


async def test_a_users_tokens_are_its_own(service: Service) -> None:
    await service.token("committer", "ada")
    other = {"Authorization": f"Bearer {await service.token('committer', 'bob')}"}
    of_ada = (await service.local.get("/tokens")).json()["items"][0]

    listed = (await service.web.get("/tokens", headers=other)).json()["items"]
    revoked = await service.web.delete(f"/tokens/{of_ada['id']}", headers=other)
    made = await service.web.post("/tokens", json={"user": "ada", "name": "stolen"}, headers=other)

    assert [each["user"] for each in listed] == ["bob"]
    assert (revoked.status_code, made.status_code) == (404, 403)


async def test_only_the_first_user_is_made_as_root(service: Service) -> None:
    body = {"name": "ada", "password": PASSWORD}
    first = await service.local.post("/users/root", json=body)
    second = await service.local.post("/users/root", json={**body, "name": "eve"})

    assert (first.status_code, first.json()["role"], second.status_code) == (201, "admin", 409)


async def test_nobody_takes_the_name_of_the_local_socket(service: Service) -> None:
    answers = [await service.local.post("/users", json={"name": name}) for name in ("local", "service")]

    assert [each.status_code for each in answers] == [422, 422]


async def test_a_login_gives_a_token_for_twelve_hours(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})

    made = (await service.web.post("/login", json={"name": "ada", "password": PASSWORD})).json()
    used = await service.web.get("/users", headers={"Authorization": f"Bearer {made['token']}"})

    assert (made["expires_in_s"], used.status_code) == (43200, 200)


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})

    wrong = await service.web.post("/login", json={"name": "ada", "password": "x"})
    unknown = await service.web.post("/login", json={"name": "eve", "password": "x"})

    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content) == (401, wrong.content)


async def test_guessing_passwords_is_slowed_down(service: Service) -> None:
    for _ in range(10):
        await service.web.post("/login", json={"name": "ada", "password": "x"})
    answer = await service.web.post("/login", json={"name": "ada", "password": "x"})
    other = await service.web.post("/login", json={"name": "bob", "password": "x"})

    assert (answer.status_code, other.status_code) == (429, 401)
    assert 200 < int(answer.headers["retry-after"]) <= 300
    told = {name: answer.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")}
    assert told == {"limit": "10", "remaining": "0", "reset": answer.headers["retry-after"]}


async def test_no_hash_and_no_secret_is_ever_listed(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})
    token = await service.token()

    shown = [(await service.local.get(path)).text for path in ("/users", "/tokens", "/builders")]

    assert token.partition(".")[2] not in "".join(shown)
    assert "hash" not in "".join(shown) and "argon2" not in "".join(shown)


async def test_the_last_admin_cannot_be_deleted(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})

    kept = await service.local.delete("/users/ada")
    await service.token("admin", "bob")
    gone = await service.local.delete("/users/ada")

    assert (kept.status_code, gone.status_code) == (409, 204)
