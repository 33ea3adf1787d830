"""Many commits of a real program, one of which is slower: the search names it, on this machine as board."""

import json

import pytest

from tests.acceptance.conftest import Service
from tests.acceptance.test_comparisons import HAS_C, STEPS, Program, board

MARK = '\nconst char mark[] = "%s";\n' if HAS_C else "\nmark = %r\n"


class Many(Program):
    """Commits whose binaries all differ."""

    def commit(self, title: str, steps: int) -> str:
        name = "program.c" if HAS_C else "program.py"
        super().commit(title, steps)
        with (self.tree / name).open("a") as file:
            file.write(MARK % title)
        self.git("commit", "--quiet", "--all", "--amend", "-m", title)
        return self.git("rev-parse", "HEAD")


@pytest.mark.campaign
async def test_the_commit_that_made_it_slower_is_named_after_few_tries(service: Service, campaign: int) -> None:
    number, slow = (32, 20) if campaign > 1 else (4, 2)
    program = Many(service)
    good = program.commit("good", STEPS)
    line = [program.commit(f"commit {at}", STEPS * 6 // 5 if at >= slow else STEPS) for at in range(number)]
    program.publish()
    words = ("--remote-url", program.url, "--checkout", str(program.tree), "--benchmark", "count", "--metric", "time")

    async with service.builder("lab", board(service.folder)):
        ended = await service.rigline(
            "bisect", "start", good, line[-1], *words, "--board-type", "here", "--config", "count", "--json", limit=500
        )

    found = json.loads(ended.out)
    assert (ended.status, found["state"], found["culprit"]) == (0, "found", line[slow]), ended.err
    assert len(found["steps"]) <= (7 if number == 32 else 4)
    assert found["culprit"][:10] in ended.err
