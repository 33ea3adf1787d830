"""A public and a private repository with everything that a repository can have, told apart by a word and by numbers."""

from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa
import zstandard

from app.history.verdict import Verdict
from tests import compared
from tests.pages.site import NOW, Site, native

FIRST_HIDDEN = 710_000  # every id of the private repository is larger, and nothing else is
UNKNOWN = 790_000  # no id is as large


@dataclass
class Half:
    """One of the two: what its texts hold, where its hashes begin, and the ids of what it has."""

    word: str
    hashes: str
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """Give the repository's name."""
        return f"{self.word}/firmware"

    def sha(self, number: int) -> str:
        """Make a full hash."""
        return f"{self.hashes}{number:034x}"


OPEN, HIDDEN = Half("quokka", "c0ffee"), Half("wombat", "facade")


async def both(site: Site) -> tuple[Half, Half]:
    """Fill the service with the public repository and then the private one; they share a board."""
    public, private = Half(OPEN.word, OPEN.hashes), Half(HIDDEN.word, HIDDEN.hashes)
    await _skip_to(site, 1_000)
    await site.board("nucleo-1", tags=["bench"])
    await site.board("nucleo-2")
    await site.insert("configuration", board_id=site.boards["nucleo-1"], name="release", tags=[], limit_s=60)
    await _fill(site, public, forge_id=1, private=False)
    await _skip_to(site, FIRST_HIDDEN)
    await _fill(site, private, forge_id=2, private=True)
    return public, private


async def _skip_to(site: Site, number: int) -> None:
    """Have every id from here on be at least so large."""
    owned = sa.text("SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()")
    async with site.deps.begin() as db:
        for name in (await db.scalars(owned)).all():
            await db.execute(sa.text("SELECT setval(:name, :number)"), {"name": name, "number": number})


async def _fill(site: Site, half: Half, *, forge_id: int, private: bool) -> None:
    word, sha, ids = half.word, half.sha, half.ids
    address = f"https://github.com/{half.full_name}.git"
    ids["repository_id"] = at = await site.repository(
        half.full_name, clone_url=address, forge_id=forge_id, private=private, policy=f"# {word}"
    )
    results = [native(f"{word}/boot", 8642.5, 8643.5)]
    job, attempt = await site.measured(
        at, sha(1), results, title=f"{word} title", reason=word,
        pipeline={"branch": "main", "requested_by": word, "delivery_id": await _delivery(site, word)},
    )  # fmt: skip
    ids |= {"job_id": job, "attempt": attempt}
    await site.log(attempt, job, f"{word} was logged\n".encode())
    await _artefact(site, attempt, word)
    other, _ = await site.measured(at, sha(2), results, title=f"{word} again", pipeline={"branch": "main"}, at=9)
    ids["pipeline_id"], ids["series_id"], commits = await _made(site, at, job)
    await _judged(site, half, commits)
    pull = await site.pipeline(
        at, sha(3), trigger="pull_request", pull_request=7, branch=None, title=f"{word} asks", compare_with=sha(1)
    )
    ids["comparison_id"] = await _compared(site, word, await site.job(pull, "passed", reason=word))
    await site.insert_plain(
        "pull_request", repository_id=at, number=7, head=sha(3), base_branch="main", title=f"{word} asks", author=word,
        delivery_id=1,
    )  # fmt: skip
    await site.job(pull, "queued", reason=word, configuration=f"{word}-waits")
    running = await site.job(pull, "running", configuration=f"{word}-runs")
    await site.attempt(running, board=f"nucleo-{forge_id}", phase="run", reason=word)
    await site.job(await site.pipeline(at, sha(4), from_fork=True, trust=None), "awaiting_approval", reason=word)
    await _said(site, half, other)


async def _delivery(site: Site, word: str) -> int:
    return await site.insert(
        "delivery", forge="github", key=word, kind="push", headers={}, body=b"x", body_sha256=b"x", verdict=word
    )


async def _artefact(site: Site, attempt: int, word: str) -> None:
    kept = {"attempt_id": attempt, "number": 0}
    data = zstandard.ZstdCompressor().compress(f"{word} was built".encode())
    size = len(f"{word} was built")
    await site.insert_plain("artefact", **kept, name=f"out/{word}.bin", size=size, sha256="0" * 64)
    await site.insert_plain("artefact_piece", **kept, piece=0, size=size, data=data)


async def _made(site: Site, repository: int, job: int) -> tuple[int, int, list[int]]:
    asked = (
        f"SELECT pipeline_id FROM job WHERE id = {job}",
        f"SELECT min(id) FROM series WHERE repository_id = {repository}",
        f"SELECT id FROM commit WHERE repository_id = {repository} ORDER BY committed_at",
    )
    async with site.deps.begin() as db:
        pipeline, series, commits = [list((await db.scalars(sa.text(each))).all()) for each in asked]
    return pipeline[0], series[0], commits


async def _judged(site: Site, half: Half, commits: list[int]) -> None:
    word, at = half.word, half.ids["repository_id"]
    ends = {"after_commit_id": commits[0], "until_commit_id": commits[1]}
    said = {"said_by": word, "reason": word, "assignee": word, "link": f"https://example.org/{word}"}
    half.ids["shift_id"] = shift = await site.insert(
        "shift", repository_id=at, branch="main", is_worse=True, state="new", **ends, **said
    )
    await site.insert(
        "change_point", series_id=half.ids["series_id"], shift_id=shift, before=1.0, after=8642.5, change=0.5,
        is_worse=True, points_after=9, **ends,
    )  # fmt: skip
    half.ids["annotation_id"] = await site.insert(
        "annotation", repository_id=at, commit_id=commits[0], kind="note", text=word, said_by=word
    )
    half.ids["mute_id"] = await site.insert(
        "mute", repository_id=at, benchmark=word, reason=word, said_by=word, until_at=NOW + timedelta(days=9)
    )
    half.ids["bisection_id"] = bisection = await site.insert(
        "bisection", repository_id=at, shift_id=shift, board_type="nucleo-f7", configuration="release",
        benchmark=f"{word}/boot", metric="time", good=half.sha(1), commits=[half.sha(2)], budget_s=60.0, asked_by=word,
        note=word,
    )  # fmt: skip
    await site.insert_plain("bisection_step", bisection_id=bisection, number=0, place=0, note=word)
    await site.insert_plain(
        "board_noise", board_id=site.boards["nucleo-1"], repository_id=at, configuration="release", identity="x",
        benchmark=word, metric=word, differences=[], sigma=0.09, trials=60, false_alarms=3,
    )  # fmt: skip


async def _compared(site: Site, word: str, job: int) -> int:
    return await compared.compare(site.deps, job, [compared.row(f"{word}/boot", Verdict.REGRESSED, note=word)])


async def _said(site: Site, half: Half, job: int) -> None:
    word, at = half.word, half.ids["repository_id"]
    await site.insert("audit", actor=word, action="job.passed", job_id=job, detail=word)
    await site.insert("alert", kind="status_refused", subject=word, text=word, repository_id=at)
    half.ids["schedule_id"] = await site.insert(
        "schedule", repository_id=at, rule=word, cron="0 1 * * *", next_at=NOW + timedelta(hours=1)
    )
    await site.insert_plain("repository_name", forge="github", full_name=f"{word}/before", repository_id=at)
