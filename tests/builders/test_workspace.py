"""Fetch of exactly one commit, from anywhere it may be, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.protocol import Outcome, Source
from builders.workspace import FetchError, Tree, Workspace, safe
from tests.builders.conftest import Lab, Project, processes
from tests.builders.fake_service import FakeService
from tests.builders.git_server import GitServer

TOKEN = "ghs_a-token-that-opens-the-repository"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path) as server:
        yield server


class Work:
    """A workspace and what it said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notes: list[str] = []
        self.workspace = Workspace(root, retry_s=(0.01, 0.01), lag_s=(0.01, 0.01))

    async def prepare(self, source: Source, board: str = "b1", **also: bool) -> Tree:
        return await self.workspace.prepare(board, source, self.notes.append, **also)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "work")


def over_http(project: Project, server: GitServer, commit: str, **also: str) -> Source:
    return project.source(commit, url=f"{server.url}/project", **also)


async def test_a_commit_that_no_branch_holds_is_fetched_by_its_hash(
    work: Work, project: Project, server: GitServer
) -> None:
    first = project.commit(file__txt="one")
    orphan = project.commit(file__txt="two")
    project.git("reset", "--quiet", "--hard", first)

    tree = await work.prepare(over_http(project, server, orphan))

    assert (tree.path / "file.txt").read_text() == "two"
    assert tree.facts.parents == [first]


async def test_a_server_that_refuses_hashes_is_asked_for_the_ref(
    work: Work, project: Project, server: GitServer
) -> None:
    server.knows_v2 = False
    project.commit(file__txt="one")
    wanted = project.commit(file__txt="two")
    project.commit(file__txt="three")
    project.git("update-ref", "refs/pull/7/head", "HEAD")
    project.git("reset", "--quiet", "--hard", "HEAD~2")

    tree = await work.prepare(over_http(project, server, wanted, ref="refs/pull/7/head"))

    assert (tree.path / "file.txt").read_text() == "two"


@pytest.mark.parametrize("knows_v2", [True, False])
async def test_a_ref_that_is_still_at_an_older_commit_is_waited_for(
    work: Work, project: Project, server: GitServer, knows_v2: bool, tmp_path: Path
) -> None:
    server.knows_v2 = knows_v2
    project.commit(file__txt="old")
    project.git("update-ref", "refs/pull/7/head", "HEAD")
    elsewhere = Project(tmp_path / "elsewhere")
    wanted = elsewhere.commit(file__txt="new")

    def note(said: str) -> None:
        work.notes.append(said)
        if "trying again" in said:
            project.git("fetch", "--quiet", str(elsewhere.path), f"+{wanted}:refs/pull/7/head")

    source = over_http(project, server, wanted, ref="refs/pull/7/head")
    tree = await work.workspace.prepare("b1", source, note)

    assert (tree.path / "file.txt").read_text() == "new"
    assert sum("trying again" in each for each in work.notes) == 1


async def test_a_ref_that_stays_behind_is_never_built_in_place_of_the_commit(
    work: Work, project: Project, server: GitServer
) -> None:
    project.commit(file__txt="old")
    project.git("update-ref", "refs/pull/7/head", "HEAD")

    with pytest.raises(FetchError, match="commit not found"):
        await work.prepare(over_http(project, server, "1" * 40, ref="refs/pull/7/head"))
    assert sum("trying again" in each for each in work.notes) == len(work.workspace.lag_s)


async def test_without_a_ref_every_branch_is_searched(work: Work, project: Project, server: GitServer) -> None:
    server.knows_v2 = False
    wanted = project.commit(file__txt="one")
    project.commit(file__txt="two")

    tree = await work.prepare(over_http(project, server, wanted))

    assert (tree.path / "file.txt").read_text() == "one"


@pytest.mark.parametrize("knows_v2", [True, False])
async def test_a_commit_that_is_not_there_is_said_so(
    work: Work, project: Project, server: GitServer, knows_v2: bool
) -> None:
    server.knows_v2 = knows_v2
    project.commit()

    with pytest.raises(FetchError, match="commit not found"):
        await work.prepare(over_http(project, server, "1" * 40))


async def test_the_network_is_left_alone_when_the_commit_is_here(
    work: Work, project: Project, server: GitServer
) -> None:
    commit = project.commit(file__txt="one")
    await work.prepare(over_http(project, server, commit))
    before = len(server.requests)

    tree = await work.prepare(over_http(project, server, commit), board="b2")

    assert len(server.requests) == before
    assert (tree.path / "file.txt").read_text() == "one"


async def test_a_fork_fetches_only_what_is_new(work: Work, project: Project, server: GitServer, tmp_path: Path) -> None:
    base = project.commit(file__txt="one")
    await work.prepare(over_http(project, server, base))
    project.git("clone", "--quiet", ".", str(tmp_path / "fork"))
    project.path = tmp_path / "fork"
    theirs = project.commit(file__txt="theirs")

    tree = await work.prepare(project.source(theirs, url=f"{server.url}/fork"))

    assert (tree.path / "file.txt").read_text() == "theirs"
    assert tree.facts.parents == [base]


async def test_a_private_repository_opens_with_the_token_and_keeps_it_nowhere(
    work: Work, project: Project, server: GitServer
) -> None:
    commit = project.commit(file__txt="private")
    server.password = f"x-access-token:{TOKEN}"
    source = over_http(project, server, commit, token=TOKEN)

    server.held = threading.Event()
    fetching = asyncio.create_task(work.prepare(source))
    while not server.requests:
        await asyncio.sleep(0.01)
    seen = [processes(each) for each in (TOKEN, "Authorization", "x-access-token")]
    server.held.set()
    tree = await fetching

    assert (tree.path / "file.txt").read_text() == "private"
    assert seen == [[], [], []]
    assert not any(TOKEN in each for each in [*server.requests, *work.notes])
    for file in work.root.rglob("*"):
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes(), file


async def test_a_wrong_token_is_refused_at_once_and_not_shown(work: Work, project: Project, server: GitServer) -> None:
    server.password = "x-access-token:another"

    with pytest.raises(FetchError) as refused:
        await work.prepare(over_http(project, server, project.commit(), token=TOKEN))

    assert "Authentication failed" in str(refused.value) or "could not read Username" in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert not any("trying again" in each for each in work.notes)


async def test_a_token_does_not_follow_a_redirect_to_another_host(
    work: Work, project: Project, server: GitServer, tmp_path: Path
) -> None:
    with GitServer(tmp_path) as other:
        server.moved_to = other.url

        with pytest.raises(FetchError):
            await work.prepare(over_http(project, server, project.commit(), token=TOKEN))

        assert other.requests == []


async def test_a_server_in_trouble_is_asked_again(work: Work, project: Project, server: GitServer) -> None:
    server.faults = [500, 503]

    tree = await work.prepare(over_http(project, server, project.commit(file__txt="one")))

    assert (tree.path / "file.txt").read_text() == "one"
    assert sum("trying again" in each for each in work.notes) == 2


async def test_a_server_that_hangs_is_given_up_and_asked_again(
    work: Work, project: Project, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.git.SLOW_S", 1)
    server.held = threading.Event()
    fetching = asyncio.create_task(work.prepare(over_http(project, server, project.commit(file__txt="late"))))
    async with asyncio.timeout(60):
        while not any("trying again" in each for each in work.notes):
            await asyncio.sleep(0.02)

    server.held.set()
    tree = await fetching

    assert (tree.path / "file.txt").read_text() == "late"


async def test_a_server_that_stays_in_trouble_ends_the_fetch(work: Work, project: Project, server: GitServer) -> None:
    server.faults = [500] * 20

    with pytest.raises(FetchError, match="500"):
        await work.prepare(over_http(project, server, project.commit()))


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id",
        "--upload-pack=touch pwned",
        "fd::17",
        "-oProxyCommand=id@host:x",
        "ssh://-oProxyCommand=id/x",
        "relative",
    ],
)
async def test_an_address_that_is_no_address_is_never_given_to_git(work: Work, url: str) -> None:
    source = Source(repository="r", name="r", url=url, commit="1" * 40)

    with pytest.raises(FetchError, match="a remote must be"):
        await work.prepare(source)


async def test_a_hash_must_be_whole(work: Work, project: Project) -> None:
    with pytest.raises(FetchError, match="not a full commit hash"):
        await work.prepare(project.source("main"))


async def test_files_that_a_script_changed_are_put_back(work: Work, project: Project) -> None:
    commit = project.commit(file__txt="one", other__txt="other")
    tree = await work.prepare(project.source(commit))
    (tree.path / "file.txt").write_text("changed")
    (tree.path / "other.txt").unlink()
    (tree.path / ".git" / "index.lock").touch()
    (tree.path / "built").touch()

    await work.prepare(project.source(commit))

    assert (tree.path / "file.txt").read_text() == "one"
    assert (tree.path / "other.txt").exists() and (tree.path / "built").exists()


@pytest.mark.parametrize(
    "damage", ["rm -r .git", "echo broken > .git/HEAD", "rm file.txt; mkdir file.txt; touch file.txt/x"]
)
async def test_a_tree_that_a_script_broke_is_made_anew(work: Work, project: Project, damage: str) -> None:
    one = project.commit(file__txt="one")
    tree = await work.prepare(project.source(one))
    await (await asyncio.create_subprocess_shell(damage, cwd=tree.path)).wait()

    await work.prepare(project.source(one))

    assert (tree.path / "file.txt").read_text() == "one"


async def test_hooks_filters_and_settings_that_a_script_laid_are_not_obeyed(
    work: Work, project: Project, tmp_path: Path
) -> None:
    one, two = project.commit(file__txt="one"), project.commit(file__txt="two")
    tree = await work.prepare(project.source(one))
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hooks = tree.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "post-checkout").write_text(trap.read_text())
    (hooks / "post-checkout").chmod(0o755)
    with open(tree.path / ".git" / "config", "a") as config:
        config.write(f"[core]\nhooksPath = {hooks}\nfsmonitor = {trap}\n")

    await work.prepare(project.source(two))

    assert not (tmp_path / "sprung").exists()


def test_folder_names_cannot_leave_their_folder_or_meet() -> None:
    names = ["../../etc", "a/b", "a-b", "a b", "..", ".", "github-1.2", "ä"]

    made = [safe(name) for name in names]

    assert len(set(made)) == len(names)
    assert all("/" not in each and not each.startswith(".") for each in made)
    assert (safe("github-1.2"), safe("a-b")) == ("github-1.2", "a-b")


async def test_a_fetch_that_fails_is_our_fault_and_the_log_says_why(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board()
    await lab.connect()

    attempt = await service.job(project.source("1" * 40), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith("infra:fetch cannot fetch 1111")
    assert "commit not found" in finish.reason
    assert "commit not found" in attempt.text


async def test_a_fetch_that_hangs_is_ended_by_its_limit_and_is_not_the_commits_fault(
    lab: Lab, service: FakeService, project: Project, server: GitServer
) -> None:
    server.held = threading.Event()
    lab.board(fetch=0.5)
    await lab.connect()

    attempt = await service.job(over_http(project, server, project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason == "infra:fetch the remote is too slow: fetch took longer than 0.5 s"
    assert "fetch took longer than 0.5 s" in attempt.text
    assert processes(f"{server.url}/project") == []
