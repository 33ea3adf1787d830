"""The audit says who did what, when and from where: over the API, on its page, as CSV and as a command."""

import json
import re

from tests.api.service import HASH, PASSWORD, Service
from tests.cli.commands import local


async def scene(service: Service) -> dict[str, str]:
    """Do something by the socket, by a token over HTTP and by nobody; give the token's header."""
    header = {"Authorization": f"Bearer {await service.token('admin', 'ada')}"}
    await service.builder()
    await service.local.post("/repositories", json={"forge": "github", "full_name": "acme/app", "id": 7})
    body = {"kind": "run", "commit": HASH, "repository": "acme/app"}
    opened = (await service.web.post("/pipelines", json=body, headers=header)).raise_for_status().json()
    await service.web.post(f"/jobs/{opened['jobs'][0]['id']}/cancel", json={"reason": "=1+1"}, headers=header)
    return header


async def read(service: Service, **asked: str) -> list[dict[str, object]]:
    """Read the audit by the socket."""
    found: list[dict[str, object]] = (
        (await service.local.get("/audit", params=asked)).raise_for_status().json()["items"]
    )
    return found


async def test_each_deed_has_its_place_its_means_and_its_repository(service: Service) -> None:
    await scene(service)

    [made] = await read(service, action="user.created")
    [opened] = await read(service, action="pipeline")
    [ended] = await read(service, action="job.cancelled", actor="ada")

    assert (made["actor"], made["origin"], made["means"]) == ("local", "local socket", "local socket")
    assert (opened["actor"], opened["origin"], opened["repository"]) == ("ada", "127.0.0.1", "acme/app")
    assert re.fullmatch(r"token \d+ test", str(opened["means"]))
    assert (ended["origin"], ended["repository"], ended["job_id"] is not None) == ("127.0.0.1", "acme/app", True)


async def test_what_the_service_does_by_itself_is_listed_where_it_is_asked_for(service: Service) -> None:
    await scene(service)
    builder = await service.builder("bench")
    await service.dispatch()
    await builder.claim()  # a job moves, and no person asked

    asked_for, all_ = await read(service), await read(service, by_itself="true")

    assert {each["actor"] for each in asked_for} == {"ada", "local"}
    assert all(each in all_ for each in asked_for)
    moves = {(each["action"], each["origin"]) for each in all_ if each not in asked_for}
    assert {("job.queued", "local socket"), ("job.queued", "127.0.0.1"), ("job.leased", "")} <= moves
    assert [each["id"] for each in all_] == sorted((each["id"] for each in all_), reverse=True)
    assert await read(service, since="2999-01-01T00:00:00Z") == await read(service, until="2000-01-01T00:00:00Z") == []
    assert {each["repository"] for each in await read(service, repository="ACME/app")} == {"acme/app"}


async def test_the_page_filters_by_links_and_a_copy_of_it_is_in_the_audit_too(service: Service) -> None:
    header = await scene(service)
    at = f"{service.url}/admin/audit"

    page = (await service.web.get(at, params={"actor": "ada"}, headers=header)).text
    sheet = await service.web.get(f"{at}.csv", params={"actor": "ada"}, headers=header)
    nobody = [(await service.web.get(f"{at}{each}")).status_code for each in ("", ".json", ".csv")]
    committer = {"Authorization": f"Bearer {await service.token('committer')}"}
    refused = await service.web.get(at, headers=committer)

    assert 'href="?actor=ada&amp;origin=127.0.0.1"' in page and "user.created" not in page
    assert sheet.text.startswith("id,at,actor,action,origin,means,detail,repository") and "'=1+1" in sheet.text
    assert (nobody, refused.status_code) == ([401, 401, 401], 403)
    [exported] = await read(service, action="audit.exported")
    assert (exported["actor"], "actor=ada" in str(exported["detail"])) == ("ada", True)


async def test_a_command_tells_the_audit(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})

    shown = await local(service, "admin", "audit", "--action", "user")
    told = json.loads((await local(service, "admin", "audit", "--limit", "1", "--json")).out)

    assert "user.created" in shown.out and "local socket" in shown.out
    assert [each["action"] for each in told] == ["user.created"]
