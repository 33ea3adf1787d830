"""The queue: places, reasons, since when and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from app.web.pages.filters import for_how_long
from app.web.pages.queue import starts
from app.web.pages.rows import JobRow
from tests.pages import scene
from tests.pages.site import sha


async def test_what_waits_stands_in_its_line_with_reason_and_time_since_it_was_queued(site):
    await scene.lab(site, commits=1)
    repository = await site.repository("acme/late", forge_id=12)
    now = datetime.now(UTC)
    old = await site.pipeline(repository, sha(5), created_at=now - timedelta(days=3), title="Waited for approval")
    urgent = await site.job(old, board_type="rpi4", priority="release", queued_at=now - timedelta(minutes=1))

    view, page = await site.json("/queue.json"), await site.get("/queue")

    line = [(each["id"], each["position"], each["priority"]) for each in view["waiting"]["rpi4"]]
    assert line[0] == (urgent, 1, "release") and line[1][1:] == (2, "branch")
    row = page.partition(f'data-key="job-{urgent}"')[2].partition("</tr>")[0]
    assert "00:01:" in row and "release" in row and "Waited for approval" in row  # not since the pipeline was opened
    assert 'class="held"' in page and "busy with another job" in page
    assert all(each["why"] for each in view["waiting"]["rpi4"])


async def test_the_queue_is_cut_down_to_a_reason_by_a_link(site):
    await scene.lab(site, commits=1)
    pipeline = await site.pipeline(await site.repository("a/b", forge_id=4), sha(6))
    unknown = await site.job(pipeline, board_type="none")

    page = await site.get("/queue")
    view = await site.json("/queue.json?reason=no board that is registered could run them")

    assert 'href="/queue?reason=no%20board%20that%20is%20registered%20could%20run%20them"' in page
    assert [each["id"] for each in view["waiting"]["none"]] == [unknown] and view["held"] == []
    assert "Nothing waits because nonsense" in await site.get("/queue?reason=nonsense")


def row(number: int, kind: str = "nucleo", configuration: str = "release") -> JobRow:
    values = dict.fromkeys(JobRow.__dataclass_fields__)
    return JobRow(**values | {"id": number, "board_type": kind, "configuration": configuration, "forge": "git"})


def test_jobs_start_when_the_boards_before_them_are_free():
    lengths = {("git", None, "nucleo", "release"): 60.0, ("git", None, "rpi", "release"): 10.0}
    line = [row(1), row(2), row(3), row(4, "rpi"), row(5, "rpi", "new"), row(6, "rpi")]

    assert starts(line, lengths, {"nucleo": [30.0, 0.0], "rpi": [5.0]}) == {1: 0.0, 2: 30.0, 3: 60.0, 4: 5.0, 5: 15.0}
    assert starts(line, lengths, {"nucleo": [30.0, None], "rpi": []}) == {}


@pytest.mark.parametrize(("ago", "said"), [(187, "00:03:07"), (2 * 86400 + 15_000, "2d 04:10:00"), (-5, "00:00:00")])
def test_time_in_a_state_is_written_as_a_clock(ago, said):
    now = datetime(2026, 1, 5, tzinfo=UTC)

    assert for_how_long(now - timedelta(seconds=ago), now) == said
