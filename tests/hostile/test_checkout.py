"""Commits made to run something, or to reach somebody, while a builder fetches them."""

import os

import pytest

from builders.workspace import FetchError
from tests.builders.test_workspace import over_http

ELSEWHERE = "http://169.254.169.254/x"


def submodule(url):
    return f'[submodule "one"]\n\tpath = one\n\turl = {url}\n\tupdate = checkout\n'


@pytest.fixture
def sprung(project, tmp_path):
    """Commit a script and what could make git run it; give the file that it would make."""
    mark = tmp_path / "sprung"
    for name in ("trap.sh", "hooks/post-checkout"):
        file = project.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ntouch {mark}\n")
        file.chmod(0o755)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5\n"
    (project.path / ".gitattributes").write_text("* filter=trap\n*.bin filter=lfs diff=lfs merge=lfs\n")
    (project.path / ".lfsconfig").write_text(f"[lfs]\n\turl = {ELSEWHERE}\n")
    (project.path / "large.bin").write_text(pointer)
    (project.path / "a").symlink_to(".git/hooks")
    return mark


def with_submodule(project, url):
    inner = project.commit(first="1")
    (project.path / ".gitmodules").write_text(submodule(url))
    project.git("update-index", "--add", "--cacheinfo", f"160000,{inner},one")
    project.git("add", ".gitmodules")
    project.git("commit", "--quiet", "-m", "A submodule")
    return project.git("rev-parse", "HEAD")


@pytest.mark.parametrize("url", ["file:///etc", "ext::sh ./trap.sh", "../other", ELSEWHERE])
async def test_s30_a_commit_made_to_run_something_when_it_is_checked_out_runs_nothing(
    work,
    project,
    server,
    sprung,
    url,
):
    first = project.commit(zero="0")
    commit = with_submodule(project, url)

    for each in (first, commit):
        tree = await work.prepare(over_http(project, server, each))

    assert not sprung.exists()
    assert list((tree.path / "one").iterdir()) == []
    assert not (tree.path / ".git" / "modules").exists()
    assert (tree.path / "large.bin").read_text().startswith("version https://git-lfs")
    assert os.readlink(tree.path / "a") == ".git/hooks"


@pytest.mark.parametrize("url", ["-u./trap.sh", "--upload-pack=./trap.sh"])
async def test_s30_a_submodule_that_is_an_option_is_refused_with_the_whole_commit(
    work,
    project,
    server,
    sprung,
    url,
):
    with pytest.raises(FetchError, match="disallowed submodule url"):
        await work.prepare(over_http(project, server, with_submodule(project, url)))

    assert not sprung.exists()
