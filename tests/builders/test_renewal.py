"""The agent renews its token, and no call fails for it."""

import pytest

from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import TOKEN, FakeService

NEW, NEWER = "rlb_lab1.a-newer-secret-of-this-builder", "rlb_lab1.the-newest-secret-of-this-builder"


@pytest.fixture
def by_file(lab: Lab) -> dict[str, str]:
    file = lab.folder / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return {"RIGLINE_BUILDER_TOKEN": "", "RIGLINE_BUILDER_TOKEN_FILE": str(file)}


async def test_a_renewed_token_is_in_the_file_before_it_is_used_and_the_job_in_hand_ends_well(
    lab: Lab, service: FakeService, project: Project, by_file: dict[str, str]
) -> None:
    lab.board(build="echo built", run="echo ran")
    service.renewals = [NEW]
    job = await service.job(project.source(project.commit(a="1")), "b1", "c1")
    await lab.connect(**by_file)
    await job.ended()
    await service.until(lambda: service.shown == NEW)
    file = lab.folder / "token"
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{NEW}\n", 0o600)
    assert [each.name for each in lab.folder.glob(".token*")] == []
    assert NEW not in lab.said


async def test_after_a_lost_answer_the_old_token_still_works_and_the_next_question_brings_another(
    lab: Lab, service: FakeService, by_file: dict[str, str]
) -> None:
    lab.board()
    service.renewals = [NEW, NEWER]
    service.fault("POST .*builders/me/token", "lose")
    await lab.connect(**by_file)
    await service.until(lambda: bool(service.claims))
    assert (lab.folder / "token").read_text() == f"{TOKEN}\n"
    assert service.shown == TOKEN
    await lab.close()
    await lab.connect(**by_file)
    await service.until(lambda: service.shown == NEWER)
    assert (lab.folder / "token").read_text() == f"{NEWER}\n"


async def test_a_token_of_the_environment_is_not_renewed_as_it_would_be_lost_with_the_process(
    lab: Lab, service: FakeService
) -> None:
    lab.board()
    service.renewals = [NEW]
    await lab.connect()
    await service.until(lambda: bool(service.claims))
    assert service.renewals == [NEW]
