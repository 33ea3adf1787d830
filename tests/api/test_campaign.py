"""Chance asks everything of everybody: no fault of ours, no answer that is not described, nobody does what he may not.

`make test-all` asks 20,000 times as each; `-s` shows how often, and what was answered.
"""

import functools
import re
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import jsonschema
import pytest
import sqlalchemy as sa

from app.db.models import SQLModel
from app.db.queries import tokens, users
from app.rights import Right, Role
from app.settings import Settings
from app.web.api.described import document
from app.web.api.operations import Operation
from tests.api.chance import WORDS, Asked, Chance
from tests.api.due import Things, Who, acted_in, due, is_for_another, things
from tests.conftest import Emptier
from tests.pages.site import Site, running
from tests.pages.two_repositories import HIDDEN, OPEN, both

USUAL, LONG, ROUND = 40, 20_000, 1000  # requests as each; so many until the rows are made anew
OFTEN, RARELY = 0.25, 0.03  # share of refused writes around which every row is looked at
JSON = "application/json"
TELLTALE = re.compile(f"{HIDDEN.word}|{HIDDEN.hashes}")
ASKS_A_FORGE = frozenset(  # nobody answers there in a test, and 503 says so
    {
        ("GET", "/repositories/{repository_id}/policy"),
        ("PUT", "/repositories/{repository_id}/policy"),
        ("POST", "/repositories/{repository_id}/webhook"),
        ("POST", "/users/{name}/identities"),
        ("POST", "/repositories"),
        ("POST", "/bisections"),
        ("POST", "/shifts/{shift_id}/backfill"),
        ("POST", "/schedules/{schedule_id}/run"),
        ("POST", "/presets/{name}/dispatch"),
    }
)
PEOPLE = {  # role in the whole service, and role that is granted in the public repository
    **{role.value: (role, None) for role in Role},
    "stranger": (None, None),
    "guest": (None, Role.COMMITTER),
    "nobody": (None, None),
}


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Serve an empty database; a dispatch may fetch from git.example."""
    async with running(settings.model_copy(update={"allowed_remotes": ("https://git.example/",)})) as site:
        site.http.base_url = site.url
        yield site


class Scene:
    """A public and a private repository with all that belongs to them, and somebody who asks."""

    def __init__(self, site: Site, emptier: Emptier, called: str) -> None:
        self.site, self._emptier, self._called = site, emptier, called
        self.who, self.things = Who(), Things(places={}, private=frozenset(), named={})
        self.there: dict[str, list[Any]] = {}

    async def begin(self) -> None:
        """Make every row anew."""
        self._emptier.empty()
        halves = await both(self.site)
        work = {"kind": "run", "repository": OPEN.full_name, "commit": OPEN.sha(1)}
        await self.site.insert("preset", name="nightly", description="", work=work, arguments={}, made_by="ada")
        other = await self._account("ada", Role.ADMIN)
        role, grant = PEOPLE[self._called]
        self.who = (
            Who()
            if self._called == "nobody"
            else await self._account("eve", role, grant, halves[0].ids["repository_id"])
        )
        self.things = await things(self.site)
        self.there = {**{name: list(known) for name, known in WORDS.items()}, **_named(other, self.who)}
        for (name, number), _ in self.things.places.items():
            self.there.setdefault(name, []).append(number)
        self.there["shift"] = self.there["shift_id"]

    async def _account(self, name: str, role: Role | None, grant: Role | None = None, place: int = 0) -> Who:
        async with self.site.deps.begin() as db:
            number = await users.add(db, name, password_hash=None, role=role)
        if grant is not None:
            await self.site.insert_plain(
                "role_grant", user_id=number, repository_id=place, role=grant, granted_by="ada"
            )
        return await self.signed_in(Who(name=name, role=role, grants={place: grant} if grant else {}))

    async def signed_in(self, who: Who) -> Who:
        """Give somebody a token."""
        async with self.site.deps.begin() as db:
            user = await users.by_name(db, who.name or "")
            assert user is not None
            made = await tokens.add(db, user["id"], f"test {time.monotonic_ns()}", lifetime=None)
        assert made is not None
        return replace(who, token=made[0], headers={"Authorization": f"Bearer {made[1]}"})

    async def rows(self) -> dict[str, Any]:
        """Tell every row of every table in a few letters, but when a token was used and that the service lives."""
        one = "SELECT '{0}', count(*), sum(hashtextextended((to_jsonb(t) - 'used_at')::text, 0)) FROM \"{0}\" AS t"
        each = [one.format(name) for name in SQLModel.metadata.tables if name != "service"]
        async with self.site.deps.begin() as db:
            return {name: tuple(more) for name, *more in await db.execute(sa.text(" UNION ALL ".join(each)))}


def _named(other: Who, who: Who) -> dict[str, list[Any]]:
    return {
        "builders": ["lab-1"],
        "boards": ["nucleo-1", "nucleo-2"],
        "presets": ["nightly"],
        "users": ["ada", "eve"],
        "others": ["ada", "bob"],
        "user": ["ada", "eve", "bob"],
        "token_id": [other.token, *([who.token] if who.token else [])],
        "forge": ["github"],
        "number": [0, 7],
    }


@pytest.mark.parametrize("called", PEOPLE)
async def test_chance_finds_no_fault_and_no_way_around_the_table(
    site: Site, emptier: Emptier, called: str, campaign: int
) -> None:
    scene, chance = Scene(site, emptier, called), Chance(zlib.crc32(called.encode()))
    found: list[str] = []
    answers: Counter[int] = Counter()
    begun, wanted = time.monotonic(), USUAL if campaign == 1 else LONG

    for number in range(wanted):
        if number % ROUND == 0:
            await scene.begin()
        asked = chance.request(scene.there)
        answer, more = await ask(scene, asked, is_looked_at=chance.often(OFTEN if campaign == 1 else RARELY))
        found += more
        answers[answer.status_code] += 1

    print(f"{called}: {answers.total()} requests in {time.monotonic() - begun:.0f} s, {len(found)} findings, {answers}")  # noqa: T201
    assert "\n".join(sorted(found)) == ""


async def ask(scene: Scene, asked: Asked, *, is_looked_at: bool) -> tuple[httpx2.Response, list[str]]:
    """Ask, and say what is wrong with the answer; somebody who took his own token away gets another one."""
    expected = due(asked, scene.who, scene.things)
    before = await scene.rows() if is_looked_at and expected is not None and asked.of.method != "GET" else None
    sent: dict[str, Any] = {"content": asked.data} if asked.data is not None else {}
    if asked.body is not None:
        sent = {"json": asked.body}
    answer = await scene.site.http.request(
        asked.of.method, asked.path, params=asked.query, headers=scene.who.headers, **sent
    )
    found = [*faults(asked, answer), *wrongs(asked, answer, scene, expected)]
    if before is not None and before != (after := await scene.rows()):
        found.append(f"was refused, and changed {[name for name in before if before[name] != after[name]]}")
    if asked.parts.get("token_id") == scene.who.token and answer.status_code == 204:
        scene.who = await scene.signed_in(scene.who)
        scene.there["token_id"] = [*scene.there["token_id"][:1], scene.who.token]
    learn(scene, asked, answer)
    return answer, [f"{asked}: {answer.status_code}: {each}" for each in found]


def learn(scene: Scene, asked: Asked, answer: httpx2.Response) -> None:
    """Remember the ids of what was made and belongs to no repository."""
    noun = asked.of.path.split("/")[1]
    if asked.of.method == "POST" and answer.status_code == 201 and noun == "subscriptions":
        scene.there.setdefault("subscription_id", []).append(answer.json()["id"])


def faults(asked: Asked, answer: httpx2.Response) -> list[str]:
    """Say what is a fault of ours, or not described."""
    of, status, kind = asked.of, answer.status_code, answer.headers.get("content-type", "").partition(";")[0]
    found = []
    if status >= 500 and not (status == 503 and (of.method, of.path) in ASKS_A_FORGE):
        found.append(f"a fault of ours: {answer.text[:200]}")
    told = described(of).get(str(status))
    if told is None:
        found.append("no answer of this kind is described")
    elif kind not in told.get("content", {"": None}):
        found.append(f"{kind or 'nothing'} in place of what is described")
    elif kind == JSON:
        found += [each.message[:200] for each in validator(of, str(status)).iter_errors(answer.json())]
    return found


def wrongs(asked: Asked, answer: httpx2.Response, scene: Scene, expected: int | None) -> list[str]:
    """Say who was let do what he may not, or kept from what he may."""
    of, who, status = asked.of, scene.who, answer.status_code
    found = []
    is_query_wrong = of.right is None and of.query is not None and status == 422  # told before anything is looked for
    if expected is not None and status != expected and not is_query_wrong:
        found.append(f"{expected} is due")
    if expected is None:
        found += _let(asked, answer, scene)
    if not who.may(Right.READ) and of.method == "GET" and (leak := TELLTALE.search(_unasked(asked, answer.text))):
        found.append(f"tells {leak[0]}, which is private")
    return found


def _let(asked: Asked, answer: httpx2.Response, scene: Scene) -> list[str]:
    """Judge an answer where the path alone does not say whether it is to be refused."""
    of, who, status = asked.of, scene.who, answer.status_code
    found = []
    if status == 401:
        found.append("he is known")
    if is_for_another(asked, who) and not who.may(Right.ADMINISTER):
        # What is asked for is read and checked before it is known that it is about somebody else.
        return found if status in (403, 422) else [*found, "403 is due, or 422"]
    if of.finds_place and of.right is not None and not who.may(of.right):
        is_done = of.method != "GET" and status < 400
        place = acted_in(asked, answer.json(), scene.things) if is_done else None
        return [*found, *(["done where he may not"] if is_done and not who.may(of.right, place) else [])]
    if status == 403:
        found.append(f"{of.right} is among his rights")
    if status == 404 and is_there(asked, scene):
        found.append("it is there")
    return found


def is_there(asked: Asked, scene: Scene) -> bool:
    """Say whether the path names a thing alone that surely is there: nobody who asks can have taken it away."""
    names_thing, _ = scene.things.place(asked)
    keeps = not any(scene.who.may_somewhere(each) for each in (Right.CONFIGURE, Right.ADMINISTER, Right.TRIAGE))
    return keeps and names_thing and len(asked.parts) == 1 and not asked.names and asked.of.path.count("/") == 2


def _unasked(asked: Asked, text: str) -> str:
    """Leave out of an answer what it repeats of the question."""
    said = (*asked.parts.values(), *asked.names.values())
    for each in sorted((str(each) for each in said if TELLTALE.search(str(each))), key=len, reverse=True):
        text = text.replace(each, "")
    return text


@functools.cache
def described(of: Operation) -> dict[str, Any]:
    """Give the answers that an operation's description knows, by status."""
    answers: dict[str, Any] = document()["paths"][f"/api/v1{of.path}"][of.method.lower()]["responses"]
    return answers


@functools.cache
def validator(of: Operation, status: str) -> jsonschema.Draft202012Validator:
    """Give what checks an answer."""
    schema = described(of)[status]["content"][JSON].get("schema", {})
    return jsonschema.Draft202012Validator({**schema, "components": document()["components"]})
