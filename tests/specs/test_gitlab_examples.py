"""Every kind of webhook and system hook of GitLab is taken, classified, and leads to work only where it should."""

import pytest

from integrations.events import PullRequestChanged, RepositoryChanged
from integrations.fake import deliveries
from integrations.fake.deliveries import Person
from integrations.gitlab import parse
from tests.specs.gitlab_examples import as_system_hook, opening, project_hooks, system_hooks
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

NOTHING = "nothing to do for this kind of event: "


def classified(body):
    """Say what GitLab's adapter makes of a delivery."""
    event = parse.to_event("", deliveries.gitlab("x", body, SECRET).body)
    if isinstance(event, PullRequestChanged):
        return event.action
    return event.fate if isinstance(event, RepositoryChanged) else event and type(event)


HERE, THERE = Person(id=1000, name=MAINTAINER), Person(id=1001, name=OUTSIDER)
ALL = project_hooks(HERE, THERE) | system_hooks(HERE)


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_webhook_is_classified(name):
    _, body, expected = ALL[name]

    assert classified(body) == expected


@pytest.mark.parametrize("name", [each for each, (header, _, _) in ALL.items() if header != "System Hook"])
def test_the_instance_says_the_same_as_the_project(name):
    _, body, expected = ALL[name]

    assert classified(as_system_hook(body)) == expected


@pytest.mark.parametrize("by_the_instance", [False, True])
async def test_every_kind_of_webhook_is_answered_2xx_and_only_those_that_should_open_pipelines(world, by_the_instance):
    await world.offer("nucleo")
    here, there = world.person(MAINTAINER), world.person(OUTSIDER)
    said = project_hooks(here, there)
    if by_the_instance:
        said = {name: ("System Hook", as_system_hook(body), kind) for name, (_, body, kind) in said.items()}
    said |= system_hooks(here)

    for name, (header, body, _) in said.items():
        answer = await world.deliver(deliveries.gitlab(header, body, SECRET))
        assert answer.status_code == 202, (name, answer.text)
    await world.work()

    verdicts = dict(zip(said, await world.verdicts(), strict=True))
    for name, (header, _, kind) in said.items():
        assert verdicts[name] is not None, name
        assert (verdicts[name] == NOTHING + header) == (kind is None), (name, verdicts[name])
        assert not verdicts[name].startswith(("cannot be read", "given up", "try")), (name, verdicts[name])
    ours, of_forks = opening(said)
    made = await world.pipelines(limit=500)
    assert sorted(each.commit for each in made) == sorted(ours + of_forks)
    assert [each.commit for each in made if each.state == "awaiting_approval"] == of_forks
