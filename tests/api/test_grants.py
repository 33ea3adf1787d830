"""Roles in single repositories, and tokens that are narrowed: what each allows, and that nothing else is seen."""

from typing import Any

from tests.api.service import HASH, Service

PRIVATE = {"forge": "github", "full_name": "acme/secret", "id": 7, "private": True}
PUBLIC = {"forge": "github", "full_name": "acme/open", "id": 8}


async def asked(service: Service, token: str, method: str, path: str, **more: Any) -> int:
    """Ask with a token; give the status."""
    return (await service.web.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)).status_code


async def serve(service: Service) -> tuple[int, int, int]:
    """Serve a private and a public repository with a board; give their ids and a pipeline of the private one."""
    await service.builder()
    secret, other = [(await service.local.post("/repositories", json=each)).json()["id"] for each in (PRIVATE, PUBLIC)]
    body = {"kind": "run", "commit": HASH, "repository": "acme/secret"}
    opened = (await service.local.post("/pipelines", json=body)).raise_for_status().json()
    return secret, other, opened["id"]


async def test_a_grant_allows_in_its_repository_what_its_role_may_and_nothing_elsewhere(service: Service) -> None:
    secret, other, pipeline = await serve(service)
    ada = await service.token(None, "ada")
    cancel, show = ("POST", f"/pipelines/{pipeline}/cancel"), ("GET", f"/pipelines/{pipeline}")
    before = [await asked(service, ada, *show), await asked(service, ada, *cancel)]

    made = await service.local.put(f"/users/ada/grants/{secret}", json={"role": "reviewer"})
    as_reviewer = [await asked(service, ada, *show), await asked(service, ada, *cancel)]
    dispatched = {"kind": "run", "commit": HASH}
    refused = [
        await asked(service, ada, "POST", "/pipelines", json={**dispatched, "repository": "acme/secret"}),
        await asked(service, ada, "DELETE", f"/pipelines/{pipeline}"),
        await asked(service, ada, "POST", "/builders/shelf/pause"),
    ]
    await service.local.put(f"/users/ada/grants/{secret}", json={"role": "committer"})
    as_committer = [
        await asked(service, ada, "POST", "/pipelines", json={**dispatched, "repository": "acme/secret"}),
        await asked(service, ada, "POST", "/pipelines", json={**dispatched, "repository": "acme/open"}),
    ]
    await service.local.delete(f"/users/ada/grants/{secret}")
    after = await asked(service, ada, *show)

    assert (before, made.json()["repository"]) == ([404, 403], "acme/secret")
    assert (as_reviewer, refused) == ([200, 200], [403, 403, 403])
    assert (as_committer, after) == ([201, 403], 404)
    assert other != secret


async def test_a_grant_ends_with_its_user_and_no_admin_is_granted(service: Service) -> None:
    secret, _, _ = await serve(service)
    await service.token(None, "ada")
    as_admin = await service.local.put(f"/users/ada/grants/{secret}", json={"role": "admin"})
    nobody = await service.local.put(f"/users/eve/grants/{secret}", json={"role": "observer"})
    await service.local.put(f"/users/ada/grants/{secret}", json={"role": "observer"})
    listed = (await service.local.get("/grants", params={"repository": "acme/secret"})).json()["items"]
    await service.local.delete("/users/ada")

    assert (as_admin.status_code, nobody.status_code) == (422, 404)
    assert [(each["user"], each["role"], each["granted_by"]) for each in listed] == [("ada", "observer", "local")]
    assert (await service.local.get("/grants")).json()["items"] == []


async def test_a_token_may_no_more_than_it_is_narrowed_to(service: Service) -> None:
    secret, other, pipeline = await serve(service)
    await service.token("admin", "ada")
    wish = {"user": "ada", "name": "ci", "rights": ["read", "control"], "repository": "acme/secret"}
    made = (await service.local.post("/tokens", json=wish)).json()["token"]
    reader = (await service.local.post("/tokens", json={"user": "ada", "name": "r", "rights": ["read"]})).json()[
        "token"
    ]

    answers = {
        ("GET", f"/pipelines/{pipeline}"): 200,
        ("POST", f"/pipelines/{pipeline}/cancel"): 200,
        ("DELETE", f"/pipelines/{pipeline}"): 403,
        ("GET", f"/repositories/{secret}/caps"): 200,
        ("GET", f"/repositories/{other}/caps"): 403,
        ("GET", "/users"): 403,
        ("POST", "/tokens"): 403,
    }

    assert {each: await asked(service, made, *each) for each in answers} == answers
    assert await asked(service, reader, "GET", f"/pipelines/{pipeline}") == 200
    assert await asked(service, reader, "POST", f"/pipelines/{pipeline}/cancel") == 403
    shown = {each["name"]: each for each in (await service.local.get("/tokens")).json()["items"]}
    assert (shown["ci"]["rights"], shown["ci"]["repository"]) == (["control", "read"], "acme/secret")


async def test_a_narrowed_token_makes_none_that_may_more_or_lives_longer(service: Service) -> None:
    await serve(service)
    await service.token("maintainer", "ada")
    wish = {"user": "ada", "name": "small", "rights": ["account", "read"], "days": 1}
    small = (await service.local.post("/tokens", json=wish)).json()["token"]
    header = {"Authorization": f"Bearer {small}"}

    whole = await service.web.post("/tokens", json={"name": "whole"}, headers=header)
    other = await service.web.post("/tokens", json={"name": "other", "rights": ["dispatch"]}, headers=header)
    less = await service.web.post("/tokens", json={"name": "less", "rights": ["read"], "days": 300}, headers=header)

    assert (whole.status_code, other.status_code, less.status_code) == (403, 403, 201)
    ends = {each["name"]: each["expires_at"] for each in (await service.local.get("/tokens")).json()["items"]}
    assert ends["less"] == ends["small"]


async def test_a_remote_that_is_fetched_with_a_token_is_private_from_then_on(service: Service) -> None:
    await service.builder()
    first = await service.dispatch()
    seen = await service.web.get(f"/pipelines/{first['id']}")
    await service.dispatch(token="of the remote")

    assert (seen.status_code, (await service.web.get(f"/pipelines/{first['id']}")).status_code) == (200, 404)
