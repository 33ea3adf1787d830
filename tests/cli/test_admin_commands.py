"""From nothing to a token, on the service's machine and over HTTP."""

import json
from pathlib import Path

from app import deps
from app.db.queries import forge_roles, users
from app.rights import Role
from tests.api.service import PASSWORD, Service
from tests.cli.commands import local, rigline


async def test_the_first_user_gets_a_token_that_works_over_http(service: Service, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")

    made = await local(
        service, "admin", "create-root-user", "--username", "ada", "--password-file", str(tmp_path / "password")
    )
    again = await local(service, "admin", "create-root-user", "--username", "eve", RIGLINE_PASSWORD=PASSWORD)
    token = await local(service, "admin", "create-token", "ada")
    name, _, text = token.out.strip().removeprefix("export ").partition("=")
    by_http = await rigline(
        "builder", "create", "shelf", "--server", service.url, RIGLINE_TOKEN=text, RIGLINE_DATA_DIR=str(tmp_path)
    )
    logged_in = await service.web.post("/login", json={"name": "ada", "password": PASSWORD})

    assert (made.status, again.status, by_http.status) == (0, 1, 0), made.err + by_http.err
    assert "create-user" in again.err
    assert name == "RIGLINE_TOKEN"
    assert logged_in.status_code == 201


async def test_without_a_terminal_the_password_must_be_given(service: Service) -> None:
    asked = await local(service, "admin", "create-root-user", "--username", "ada")
    short = await local(service, "admin", "create-root-user", "--username", "ada", RIGLINE_PASSWORD="short")

    assert (asked.status, short.status) == (2, 2)
    assert "--password-file" in asked.err
    assert "8 characters" in short.err


async def test_users_and_tokens_are_made_listed_and_taken_back(service: Service) -> None:
    made = await local(service, "admin", "create-user", "ci", "--no-password")
    await local(service, "admin", "create-token", "ci", "--name", "nightly", "--days", "7")
    listed = json.loads((await local(service, "admin", "list", "--json")).out)
    shown = await local(service, "admin", "list")
    changed = await local(service, "admin", "set-role", "ci", "none")
    token_id = str(listed["tokens"][0]["id"])
    revoked = await local(service, "admin", "revoke-token", token_id)
    gone = await local(service, "admin", "delete-user", "ci")
    after = json.loads((await local(service, "admin", "list", "--json")).out)

    assert made.status == 0, made.err
    assert (listed["users"][0]["role"], changed.out) == ("committer", "ci has no role from now on.\n")
    assert (listed["users"][0]["name"], listed["tokens"][0]["name"]) == ("ci", "nightly")
    assert "nightly" in shown.out
    assert (revoked.status, gone.status, after) == (0, 0, {"users": [], "tokens": []})


async def test_a_write_over_http_without_a_token_says_how_to_get_one(service: Service) -> None:
    said = await rigline("builder", "create", "shelf", "--server", service.url)

    assert said.status == 2
    assert "rigline admin create-token" in said.err


async def test_the_list_of_roles_in_repositories_says_why_somebody_has_them(service: Service) -> None:
    await local(service, "admin", "create-user", "ada", "--no-password", "--role", "none")
    repository = {"forge": "github", "full_name": "acme/firmware", "id": 7}
    served = (await service.local.post("/repositories", json=repository)).json()["id"]
    made = await deps.build(service.settings, {})
    async with made.begin() as db:
        ada = await users.by_name(db, "ada")
        assert ada is not None
        await forge_roles.replace(db, ada["id"], "github", {served: Role.MAINTAINER})
    await made.close()

    of_forge = await local(service, "admin", "grants")
    await local(service, "admin", "grant", "ada", "acme/firmware", "observer")
    both = await local(service, "admin", "grants", "--user", "ada")

    assert "maintainer  rights on github\n" in of_forge.out
    assert "maintainer  rights on github, a grant counts instead\n" in both.out
    assert "observer    granted by local\n" in both.out
