"""Sign-ins that are refused are in the audit: who was tried, from where and how often; never the secret."""

import asyncio
import re

from app.db.queries.refused import MOST
from tests.api.service import PASSWORD, Json, Service
from tests.api.test_audit_trail import read
from tests.cli.commands import local

GUESS = "Guess-of-a-password"


async def refused(service: Service) -> list[Json]:
    """Read what was refused, the oldest first; minutes may have changed between."""
    return [dict(each) for each in reversed(await read(service, action="user.refused", limit="200"))]


def counted(lines: list[Json]) -> dict[str, int]:
    """Add what was counted up, by what each line is about."""
    found: dict[str, int] = {}
    for each in lines:
        found[each["detail"]] = found.get(each["detail"], 0) + each["times"]
    return found


async def sign_in(service: Service, **form: str) -> int:
    """Send the form of the page to sign in."""
    headers = {"Origin": service.url}
    return (await service.web.post(f"{service.url}/login", data=form, headers=headers)).status_code


async def test_each_way_to_sign_in_says_when_it_was_refused_and_never_by_which_secret(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})

    statuses = [
        await sign_in(service, name="ada", password=GUESS),
        await sign_in(service, name="nobody.here", password=GUESS),
        await sign_in(service, token=f"rlu_1_{GUESS}"),
        (await service.web.post("/login", json={"name": "ada", "password": GUESS})).status_code,
        (await service.web.post(f"{service.url}/password", data={"code": GUESS, "password": PASSWORD})).status_code,
    ]
    lines = await refused(service)

    assert statuses == [401, 401, 401, 401, 403]
    assert counted(lines) == {
        "by password as ada": 2,
        "by password as nobody.here": 1,
        "by token": 1,
        "by link": 1,
    }
    assert {(each["actor"], each["origin"]) for each in lines} == {("", "127.0.0.1")}
    assert GUESS not in str(await read(service, by_itself="true"))


async def test_what_could_be_a_password_in_the_wrong_field_or_no_text_for_people_is_not_repeated(
    service: Service,
) -> None:
    for name in (f"{GUESS}!", "a\u202eb", "a\nb", "a b", "x" * 101, "<b>", ""):
        await sign_in(service, name=name, password=GUESS)

    assert counted(await refused(service)) == {"by password as something that is no name": 7}


async def test_tries_of_one_name_in_one_minute_are_one_line_with_a_count(service: Service) -> None:
    statuses = await asyncio.gather(*(sign_in(service, name="ada", password=GUESS) for _ in range(8)))
    lines = await refused(service)
    shown = await local(service, "admin", "audit", "--action", "user.refused")
    header = {"Authorization": f"Bearer {await service.token('admin')}"}
    page = (await service.web.get(f"{service.url}/admin/audit?action=user", headers=header)).text

    assert (set(statuses), counted(lines)) == ({401}, {"by password as ada": 8})
    assert len(lines) <= 2  # the minute may have ended between
    assert re.search(r"by password as ada \(\d times\)", shown.out)
    assert "nobody known" in page and re.search(r"by password as ada</bdi> <b>\d times</b>", page)


async def test_who_guesses_many_names_does_not_fill_the_audit(service: Service) -> None:
    for number in range(MOST + 20):
        assert await sign_in(service, name=f"user-{number}", password=GUESS) == 401
    lines = await refused(service)

    found = counted(lines)
    assert sum(found.values()) == MOST + 20
    per_minute: dict[str, int] = {}
    for each in lines:
        minute = str(each["at"])[:16]
        per_minute[minute] = per_minute.get(minute, 0) + 1
    assert max(per_minute.values()) <= MOST + 1
    rest = [each for each in lines if each["detail"] == "more than are written down one by one"]
    assert len(per_minute) > 1 or [(each["times"], each["origin"]) for each in rest] == [(20, "several addresses")]


async def test_who_signs_in_and_out_is_in_the_audit_too(service: Service) -> None:
    await service.local.post("/users/root", json={"name": "ada", "password": PASSWORD})
    await sign_in(service, name="ada", password=PASSWORD)
    form = re.search(
        r'action="/logout"[^<]*<input[^>]*value="([^"]+)"', (await service.web.get(f"{service.url}/docs")).text
    )
    assert form is not None
    data = {"form": form[1]}
    await service.web.post(f"{service.url}/logout", data=data, headers={"Origin": service.url})

    done = [(each["actor"], each["action"], each["origin"]) for each in await read(service, actor="ada")]
    assert done == [("ada", "user.signed_out", "127.0.0.1"), ("ada", "user.signed_in", "127.0.0.1")]
