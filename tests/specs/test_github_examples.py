"""Every example payload that GitHub publishes is taken, classified, and leads to work only where it should."""

import json
from collections import Counter
from pathlib import Path

from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository
from tests.specs.world import SECRET

EXAMPLES = Path(__file__).parents[1] / "forges" / "payloads" / "github-examples.jsonl"
SERVED = FakeRepository(186853002, "Codertocat/Hello-World", default_branch="master")
ACTED_ON = {  # whatever the rest of them says
    "check_run",
    "check_suite",
    "installation",
    "installation_repositories",
    "issue_comment",
    "merge_group",
    "ping",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "repository",
}
NOT_HERE = {"issue_comment", "pull_request_review"}  # the examples are of an issue, and of a review without a text
NOTHING = "nothing to do for this kind of event: "


def examples():
    return [json.loads(line) for line in EXAMPLES.read_text().splitlines()]


async def test_every_example_is_answered_2xx_and_only_those_that_should_open_pipelines(world):
    await world.offer("nucleo")
    await world.serve(SERVED)
    said = examples()

    for each in said:
        answer = await world.deliver(deliveries.github(each["event"], each["payload"], SECRET))
        assert answer.status_code == 202, (each["event"], answer.text)
    await world.work()

    verdicts = await world.verdicts()
    assert len(verdicts) == len(said) > 300
    acted = Counter()
    for each, verdict in zip(said, verdicts, strict=True):
        kind, action = each["event"], each["payload"].get("action")
        assert verdict is not None, (kind, action)
        assert not verdict.startswith(("cannot be read", "given up", "try")), (kind, action, verdict)
        if verdict != NOTHING + kind:
            acted[kind] += 1
        assert kind in ACTED_ON or verdict == NOTHING + kind, (kind, action, verdict)
    assert set(acted) == ACTED_ON - NOT_HERE
    triggers = Counter(str(each.trigger) for each in await world.pipelines())
    assert set(triggers) <= {"push", "pull_request", "merge_group"}
    assert triggers["push"] >= 1 and triggers["pull_request"] >= 1
