"""What a role may do over HTTP is what the table says, no more and no less."""

import pytest

from app.rights import RIGHTS, Right, Role
from tests.api.service import Service

ASKED = {  # for each right, a call that needs it and, once it is allowed, is refused for another reason or does no harm
    Right.ACCOUNT: ("GET", "/tokens"),
    Right.READ: ("GET", "/repositories/1/caps"),
    Right.DISPATCH: ("POST", "/pipelines"),
    Right.CONTROL: ("POST", "/jobs/1/cancel"),
    Right.APPROVE: ("POST", "/pipelines/1/approve"),
    Right.TRIAGE: ("POST", "/mutes"),
    Right.CONFIGURE: ("DELETE", "/jobs/1"),
    Right.LAB: ("POST", "/builders/shelf/pause"),
    Right.ADMINISTER: ("GET", "/users"),
}


@pytest.mark.parametrize("role", [*Role, None])
async def test_a_role_may_do_what_the_table_says(service: Service, role: Role | None) -> None:
    token = {"Authorization": f"Bearer {await service.token(role)}"}

    answers = {right: await service.web.request(*asked, headers=token) for right, asked in ASKED.items()}

    allowed = {right for right, answer in answers.items() if answer.status_code != 403}
    assert allowed == (RIGHTS[role] if role else {Right.ACCOUNT})
    for right in answers.keys() - allowed:
        assert f"the right {right}" in answers[right].json()["error"]["message"]


async def test_a_new_role_counts_at_once_and_the_last_admin_stays_one(service: Service) -> None:
    admin = {"Authorization": f"Bearer {await service.token(Role.ADMIN, 'ada')}"}
    bob = {"Authorization": f"Bearer {await service.token(Role.OBSERVER, 'bob')}"}

    before = await service.web.get("/users", headers=bob)
    kept = await service.web.put("/users/ada/role", json={"role": "observer"}, headers=admin)
    raised = await service.web.put("/users/bob/role", json={"role": "admin"}, headers=admin)
    after = await service.web.get("/users", headers=bob)
    fallen = await service.web.put("/users/ada/role", json={"role": None}, headers=bob)
    unknown = await service.web.put("/users/eve/role", json={"role": "admin"}, headers=bob)

    assert [each.status_code for each in (before, kept, raised, after, fallen, unknown)] == [
        403,
        409,
        204,
        200,
        204,
        404,
    ]
    assert {each["name"]: each["role"] for each in (await service.local.get("/users")).json()["items"]} == {
        "ada": None,
        "bob": "admin",
    }
