"""A dispatch opens a pipeline of exactly what was asked for, or says what is wrong with the question."""

from typing import Any

import asyncpg

from app.db.session import arguments
from tests.api.service import HASH, REMOTE, Service

QUESTIONS: list[tuple[dict[str, Any], int, str]] = [
    ({"boards": ["dekc"]}, 422, "Did you mean 'desk'?"),
    ({"configurations": ["fats"]}, 422, "Did you mean 'fast'?"),
    ({"tags": ["tag-fats"]}, 422, "Known: tag-fast"),
    ({"commit": HASH[:12]}, 422, "git rev-parse"),
    ({"commit": "main"}, 422, "commit"),
    ({"commit": "--upload-pack=touch /tmp/x".ljust(40, "x")}, 422, "commit"),
    ({"seconds": 0}, 422, "seconds"),
    ({"seconds": 1e9}, 422, "seconds"),
    ({"seconds": "20"}, 422, "seconds"),
    ({"repeat": 1000}, 422, "repeat"),
    ({"kind": "destroy"}, 422, "kind"),
    ({"colour": "red"}, 422, "colour"),
    ({"repository": "acme/app"}, 422, "either repository or remote_url"),
    ({"remote_url": None}, 422, "either repository or remote_url"),
    ({"remote_url": None, "repository": "acme/none"}, 404, "rigline repo add"),
    ({"boards": ["desk"] * 101}, 422, "boards"),
    ({"boards": ["a\u0000b"]}, 422, "control characters"),
]
REMOTES = [
    "ext::sh -c touch% /tmp/x",
    "--upload-pack=touch",
    "-ugit.example",
    "git@git.example:acme/app.git",
    "ssh://git.example/acme/app.git",
    "git://git.example/acme/app.git",
    "http://git.example/acme/app.git",
    "file:///etc",
    "/etc",
    "https://git.example.evil/acme/app.git",
    "https://evil/git.example/app.git",
    "https://git.example@evil/acme/app.git",
    "https://user:secret@git.example/acme/app.git",
    "https://git.example/../etc",
    "https://git.example/acme/app.git?x=1",
    "https://git.example/acme/app.git#x",
    "https://git.example/acme/%2e%2e/x",
    "https://git.example/acme/-x",
    "https://git.example/acme\\..\\x",
    "https://[::1",
    "https://github.com.evil/acme/app.git",
    "https://git.example/acme/app.git\n",
]


async def test_a_dispatch_becomes_one_job_per_target_and_runs_on_a_builder(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])

    opened = await service.dispatch(seconds=20, repeat=3)
    lease = await builder.claim()
    await builder.log(lease, b"hello\n")
    running = (await service.web.get(f"/jobs/{lease['job_id']}")).json()
    await builder.finish(lease, log=b"hello\n", result=b"SEQ: 1\n")
    await builder.work("failed")
    ended = (await service.web.get(f"/pipelines/{opened['id']}")).json()

    assert [(job["board_type"], job["configuration"], job["state"]) for job in opened["jobs"]] == [
        ("desk", "fast", "queued"),
        ("desk", "slow", "queued"),
    ]
    assert (lease["source"]["url"], lease["source"]["commit"], lease["limit_s"], lease["repeat"]) == (
        REMOTE,
        HASH,
        20,
        3,
    )
    assert (running["state"], running["attempt"]["log_size"], running["attempt"]["board"]) == ("running", 6, "desk")
    assert (ended["state"], ended["counts"]) == ("failed", {"passed": 1, "failed": 1})
    first = next(job for job in ended["jobs"] if job["id"] == lease["job_id"])
    assert (first["attempt"]["results"], first["attempt"]["phases"]) == (
        1,
        [{"phase": "build", "seconds": 1.5, "exit_code": None}],
    )


async def test_a_dispatch_covers_only_what_it_names(service: Service) -> None:
    await service.builder(desk=["fast", "slow"], shelf=["fast"])

    by_board = await service.dispatch(boards=["shelf"])
    by_tag = await service.dispatch(tags=["tag-slow"])
    by_configuration = await service.dispatch(configurations=["fast"])

    named = [[f"{job['board_type']}/{job['configuration']}" for job in each["jobs"]] for each in (by_board, by_tag)]
    assert named == [["shelf/fast"], ["desk/slow"]]
    assert len(by_configuration["jobs"]) == 2


async def test_a_wrong_question_names_what_is_wrong(service: Service) -> None:
    await service.builder()

    for asked, status, said in QUESTIONS:
        body = {"kind": "run", "commit": HASH, "remote_url": REMOTE} | asked
        answer = await service.local.post("/pipelines", json=body)

        assert (asked, answer.status_code) == (asked, status)
        assert said in answer.json()["error"]["message"]
    assert (await service.web.get("/pipelines")).json()["items"] == []


async def test_a_remote_that_is_not_allowed_or_that_git_would_misread_is_refused(service: Service) -> None:
    await service.builder()

    for remote in REMOTES:
        answer = await service.local.post("/pipelines", json={"kind": "run", "commit": HASH, "remote_url": remote})

        assert (remote, answer.status_code) == (remote, 422)
        assert "remote_url" in answer.json()["error"]["message"]
        assert "secret" not in answer.text


async def test_configured_forges_need_no_permission_of_their_own(service: Service) -> None:
    await service.builder()

    opened = await service.dispatch(remote_url="https://github.com/acme/app.git")

    assert opened["repository"] == "github.com/acme/app.git"


async def test_without_any_board_a_dispatch_says_what_comes_first(service: Service) -> None:
    answer = await service.local.post("/pipelines", json={"kind": "run", "commit": HASH, "remote_url": REMOTE})

    assert answer.status_code == 409
    assert "rigline builder create" in answer.json()["error"]["message"]


async def test_a_dispatchs_token_reaches_the_builder_and_nothing_else(service: Service) -> None:
    builder = await service.builder()
    secret = "ghp_veryprivate"

    opened = await service.dispatch(token=secret)
    lease = await builder.claim()
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    kept = await db.fetchval("SELECT token FROM pipeline")
    rows = [str(await db.fetch(f'SELECT * FROM "{name}"')) for name in ("pipeline", "job", "audit")]
    await builder.finish(lease)
    after = await db.fetchval("SELECT token FROM pipeline")
    await db.close()
    shown = [(await service.web.get(path)).text for path in ("/pipelines", f"/pipelines/{opened['id']}")]

    assert lease["source"]["token"] == secret
    assert secret.encode() not in kept
    assert secret not in "".join([*rows, *shown, str(opened)])
    assert after == b""


async def test_the_same_remote_is_one_repository(service: Service) -> None:
    await service.builder()

    first, second = [await service.dispatch(remote_url=each) for each in (REMOTE, REMOTE.removesuffix(".git") + "/")]

    assert first["repository"] == second["repository"]
    assert len((await service.web.get("/repositories")).json()["items"]) == 1


async def test_a_served_repository_is_dispatched_by_its_name(service: Service) -> None:
    await service.builder()
    described = {"forge": "github", "full_name": "acme/app", "id": 7}
    added = await service.local.post("/repositories", json=described)

    opened = await service.dispatch(remote_url=None, repository="Acme/App")

    assert added.status_code == 201, added.text
    assert (opened["repository"], opened["forge"]) == ("acme/app", "github")
