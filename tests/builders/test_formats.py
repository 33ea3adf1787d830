"""What a configuration says of the format of its result file, from the file to the service."""

from __future__ import annotations

import pytest

from builders.config import ConfigError, load
from builders.protocol import Outcome, WantedFormat
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService

PATTERN = '[boards.configurations.format]\npattern = \'boot (?P<value>\\d+)\'\nunit = "ms"\nbetter = "lower"\n'


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("format = 5\n", "format: must be a text"),
        (f'format = "{"x" * 51}"\n', "has 51 characters; at most 50"),
        ("[boards.configurations.format]\npattern = '(?P<value>'\n", "is no regular expression: missing"),
        ("[boards.configurations.format]\npattern = '[0-9]+'\n", "write the group"),
        (f"[boards.configurations.format]\npattern = '(?P<value>{'a' * 500})'\n", "has 511 characters; at most 500"),
        ('[boards.configurations.format]\nbetter = "more"\n', "must be lower or higher, not 'more'"),
        ('[boards.configurations.format]\nname = "pattern"\n', "belongs to the format 'pattern'"),
        ("[boards.configurations.format]\nname = \"go\"\npattern = '(?P<value>.)'\n", "and to no other"),
        ('[boards.configurations.format]\nunits = "ms"\n', 'unknown key "units".*did you mean'),
    ],
)
async def test_a_mistake_in_the_format_is_told(lab: Lab, more: str, problem: str) -> None:
    lab.board(run="true", more=more)

    with pytest.raises(ConfigError, match=problem):
        load(lab.folder / "builder.toml")


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ('format = "go"\n', WantedFormat(name="go")),
        (PATTERN, WantedFormat(name="pattern", pattern=r"boot (?P<value>\d+)", unit="ms", better="lower")),
        ("", None),
    ],
)
async def test_the_service_is_told_with_the_result_how_it_is_to_be_read(
    lab: Lab, service: FakeService, project: Project, more: str, wanted: WantedFormat | None
) -> None:
    lab.board(run='echo "boot 41" > "$RIGLINE_RESULTS"', more=more)
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")

    finish = await attempt.ended()
    assert (finish.outcome, [each.wanted for each in finish.results]) == (Outcome.PASSED, [wanted])
