"""From a signed delivery to queued jobs."""

from integrations.fake import deliveries
from tests.specs.world import MAINTAINER, SECRET

A, B, C = ("a" * 40, "b" * 40, "c" * 40)


async def test_a_signed_push_becomes_one_pipeline_with_a_job_per_target_and_a_pending_status(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))

    await world.receive(deliveries.github_push(world.repository, A, SECRET, sender=world.person(MAINTAINER)))

    [pipeline] = await world.pipelines()
    assert (pipeline.commit, pipeline.branch, pipeline.state) == (A, "main", "queued")
    assert pipeline.counts == {"queued": 4}
    assert world.shown(A).state == "pending"
    assert world.shown(A).description == "4 jobs queued"
    assert world.shown(A).target_url == f"https://rigline.example/pipelines/{pipeline.id}"
