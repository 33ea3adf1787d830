"""Artefacts on the builder: what globs name is kept, and nothing a script has laid leads elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders import artefacts, protocol
from builders.artefacts import collect
from builders.protocol import MAX_CHUNK, Outcome
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import Attempt, FakeService


def kept(attempt: Attempt) -> dict[str, bytes]:
    assert attempt.finish is not None
    return {each.name: attempt.artefacts.get(each.number, b"") for each in attempt.finish.artefacts}


async def test_files_that_globs_name_are_kept_with_their_paths(
    lab: Lab, service: FakeService, project: Project
) -> None:
    build = "mkdir -p out/deep/er; echo elf > app.elf; echo map > out/deep/er/app.map; touch other.txt out/empty"
    lab.board(build=build, more='artefacts = ["*.elf", "out/**"]')
    agent = await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED
    assert kept(attempt) == {"app.elf": b"elf\n", "out/deep/er/app.map": b"map\n", "out/empty": b""}
    assert "[rigline] artefact app.elf: 4 bytes" in attempt.text
    agent.terminate()
    await agent.wait()
    assert not list((lab.folder / "state" / "jobs").rglob("artefact-*"))


async def test_a_failed_job_keeps_its_artefacts_too(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run="echo registers > crash.dump; exit 3", more='artefacts = ["*.dump"]')
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (Outcome.FAILED, "run: exit status 3")
    assert kept(attempt) == {"crash.dump": b"registers\n"}


async def test_a_large_artefact_goes_in_pieces_and_again_after_a_loss(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(build="head -c 2500000 /dev/urandom > image; cp image copy", more='artefacts = ["image"]')
    lost = service.fault("PUT .*/artefacts/0/1", "lose")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    (tree,) = (lab.folder / "state" / "work" / "trees" / "b1").iterdir()
    assert lost.hits == 1
    assert kept(attempt) == {"image": (tree / "copy").read_bytes()}
    assert {len(piece) for piece in attempt.pieces[0].values()} == {MAX_CHUNK, 2500000 - 2 * MAX_CHUNK}


async def test_nothing_that_a_script_has_laid_leads_out_of_the_tree(
    lab: Lab, service: FakeService, project: Project
) -> None:
    (lab.folder / "secret").write_text("the lab's own")
    lab.board(
        build=f"mkdir -p out; ln -sf {lab.folder}/secret out/link; ln -sfn {lab.folder} out/folder; mkfifo out/pipe; "
        f"ln -f {lab.folder}/secret out/hard; echo good > out/good; touch \"$(printf 'out/a\\nb')\"",
        more='artefacts = ["out/**"]',
    )
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    assert kept(attempt) == {"out/good": b"good\n"}
    for name, why in (("link", "a link"), ("folder", "a link"), ("pipe", "no regular file"), ("hard", "a second name")):
        assert f"the artefact out/{name} is not kept: it " in attempt.text
        assert why in attempt.text
    assert "the artefact out/a?b is not kept: its path must be" in attempt.text


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "copies").mkdir()
    return tmp_path / "tree"


def names(tree: Path, *patterns: str) -> tuple[list[str], list[str]]:
    told: list[str] = []
    return [each.name for each in collect(tree, patterns, tree.parent / "copies", told.append)], told


def test_a_file_over_the_limit_is_not_kept_and_the_others_are(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "MAX_ARTEFACT", 100)
    monkeypatch.setattr(artefacts, "MAX_ARTEFACTS_SIZE", 150)
    for name, size in (("a", 101), ("b", 100), ("c", 60), ("d", 50)):
        (tree / name).write_bytes(b"x" * size)

    found, told = names(tree, "*")

    assert found == ["b", "d"]
    assert told == [
        "warning: the artefact a is not kept: it is larger than 100 bytes",
        "warning: the artefact c is not kept: all together are larger than 150 bytes",
    ]


def test_so_many_files_are_kept_and_no_more(tree: Path) -> None:
    for number in range(protocol.MAX_ARTEFACTS + 5):
        (tree / f"{number:03}").touch()

    found, told = names(tree, "*")

    assert len(found) == protocol.MAX_ARTEFACTS
    assert len(told) == 1 and "no more" in told[0]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.bin", ["top.bin"]),
        ("**/*.bin", ["a/b/low.bin", "a/mid.bin", "top.bin"]),
        ("a/**", ["a/b/low.bin", "a/mid.bin"]),
        ("a/*/low.bin", ["a/b/low.bin"]),
        ("**/b/**", ["a/b/low.bin"]),
        ("[st]op.bin", ["top.bin"]),
        ("a", []),
        ("**", ["a/b/low.bin", "a/mid.bin", "top.bin"]),
    ],
)
def test_a_glob_names_what_it_says(tree: Path, pattern: str, found: list[str]) -> None:
    (tree / "a" / "b").mkdir(parents=True)
    (tree / ".git").mkdir()
    for name in ("top.bin", "a/mid.bin", "a/b/low.bin", ".git/config"):
        (tree / name).touch()

    assert sorted(names(tree, pattern)[0]) == found


def test_a_name_that_is_no_text_is_not_kept(tree: Path) -> None:
    with open(os.fsencode(tree) + b"/\xff\xfe", "wb"):
        pass

    found, told = names(tree, "*")

    assert (found, len(told)) == ([], 1)


def test_what_becomes_a_link_after_it_was_looked_at_is_not_followed(tree: Path) -> None:
    secret = tree.parent / "secret"
    secret.mkdir()
    (secret / "token").write_text("of the agent")
    (tree / "a").touch()
    os.link(tree / "a", tree / "second name")  # is refused first, and told: the moment at which the others change
    (tree / "b").write_text("plain")
    (tree / "c").mkdir()
    (tree / "c" / "token").touch()
    found: list[str] = []

    def swap(text: str) -> None:
        found.append(text)
        if len(found) == 1:
            (tree / "b").unlink()
            (tree / "b").symlink_to(secret / "token")
            (tree / "c").rename(tree.parent / "away")
            (tree / "c").symlink_to(secret)

    taken = collect(tree, ["a", "b", "c/*"], tree.parent / "copies", swap)

    assert taken == []
    assert [each.split(":")[0] for each in found] == [
        "warning",
        "warning",
    ]
    assert not [each for each in (tree.parent / "copies").iterdir() if each.read_text()]
