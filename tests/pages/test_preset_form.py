"""The page to dispatch offers saved dispatches: each is a form of its arguments, without any script."""

import pytest

from app.db.queries import grants, tokens, users
from app.rights import Role
from tests.pages.site import sha
from tests.pages.test_buttons import Forms, admitted, forms, notice, press

NIGHTLY = {
    "name": "nightly",
    "description": "What <i>runs</i> at night",
    "work": {
        "kind": "run",
        "repository": "acme/firmware",
        "commit": "{commit}",
        "configurations": ["{way}"],
        "repeat": 2,
    },
    "arguments": {
        "commit": {"description": "full hash"},
        "way": {"default": "fast", "patterns": ["fast", "slow"]},
        "level": {"default": "info"},
    },
}
PAGE = "/dispatch?preset=nightly"


@pytest.fixture
async def lab(site):
    """Serve a repository, with a board that has two configurations and a preset, for an admin."""
    await site.repository()
    board = await site.board()
    for name in ("fast", "slow"):
        await site.insert("configuration", board_id=board, name=name, tags=[], limit_s=60)
    await site.admin()
    (await site.http.post("/api/v1/presets", json=NIGHTLY)).raise_for_status()
    del site.http.headers["Authorization"]
    await admitted(site, name="grace")
    return site


async def test_a_preset_is_chosen_by_a_link_and_asks_for_its_arguments_alone(lab):
    plain = await lab.get("/dispatch")
    chosen = await lab.get(PAGE)

    assert 'href="/dispatch?preset=nightly"' in plain and 'href="/dispatch?preset=demo"' in plain
    fields = Forms(chosen).forms[PAGE]
    assert {name: value for name, value in fields.items() if name != "form"} == {
        "arg commit": "", "arg way": "fast", "arg level": "info", "token": "",
    }  # fmt: skip
    assert "What &lt;i&gt;runs&lt;/i&gt; at night" in chosen and "full hash" in chosen and "fast, slow" in chosen
    assert "/dispatch" not in Forms(chosen).forms and PAGE not in Forms(plain).forms


async def test_the_form_opens_what_the_preset_describes_with_the_arguments(lab):
    answer = await press(lab, PAGE, PAGE, **{"arg commit": sha(7), "arg way": "slow"})

    made = await lab.json(f"{answer.headers['location']}.json")
    assert answer.status_code == 303
    assert (made["pipeline"]["commit"], made["pipeline"]["repeat"]) == (sha(7), 2)
    assert {each["configuration"] for each in made["jobs"]} == {"slow"}
    told = (await lab.http.get(f"/api/v1{answer.headers['location']}")).json()
    assert (told["preset"], told["arguments"]["level"]) == ("nightly", "info")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"arg commit": ""}, "commit: give this argument"),
        ({"arg commit": sha(7), "arg way": "medium"}, "fits none of fast, slow"),
        ({"arg commit": "abc"}, "commit"),
    ],
)
async def test_what_is_refused_stays_in_the_form_of_the_preset(lab, given, told):
    answer = await press(lab, PAGE, PAGE, **{"arg level": "debug", "token": "of the remote", **given})

    assert answer.status_code == 422
    assert told in notice(answer.text)[0]
    kept = Forms(answer.text).forms[PAGE]
    assert (kept["arg level"], kept["arg commit"], kept["token"]) == ("debug", given["arg commit"], "")
    assert (await lab.json("/pipelines.json"))["items"] == []


async def test_a_link_may_fill_the_fields_and_an_unknown_preset_names_the_nearest(lab):
    filled = (await forms(lab, f"{PAGE}&arg commit={sha(9)}"))[PAGE]
    unknown = await lab.http.get("/dispatch?preset=nightli")

    assert (filled["arg commit"], filled["arg way"]) == (sha(9), "fast")
    assert unknown.status_code == 404 and "nightly" in unknown.text


async def test_who_may_not_read_everything_is_shown_no_preset(lab):
    """A preset may name any repository; over the API it is the same."""
    repository = (await lab.http.get("/api/v1/repositories")).json()["items"][0]["id"]
    async with lab.deps.begin() as db:
        user_id = await users.add(db, "eve", password_hash=None, role=None)
        await grants.set_(db, user_id, repository, Role.COMMITTER, actor="local")
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    lab.http.cookies.clear()
    await lab.http.post("/login", data={"token": text})

    shown = await lab.json("/dispatch.json")
    named = await lab.http.get(PAGE)

    assert (shown["presets"], shown["preset"], shown["repositories"]) == ([], None, ["acme/firmware"])
    assert (named.status_code, "acme/firmware" in named.text) == (404, False)
