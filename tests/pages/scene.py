"""A lab with a past: rows for every page, as a month of work would leave them."""

import random
from datetime import timedelta

from tests.pages.site import NOW, Site, native, sha

CONFIGURATIONS = ("release", "debug")


def phase(name: str, seconds: float, exit_code: int | None = None) -> dict[str, object]:
    """Write a phase as a builder reports it."""
    return {"phase": name, "seconds": seconds, "exit_code": exit_code}


async def lab(site: Site, *, commits: int = 40) -> dict[str, int]:
    """Fill the service; gives the ids that a story needs."""
    repository = await site.repository("acme/firmware")
    group = await site.repository(
        "labs/graphics/renderer", "gitlab", clone_url="https://gitlab.com/labs/graphics/renderer.git", forge_id=77
    )
    await _boards(site)
    await _history(site, repository, commits)
    mixed = await site.pipeline(
        repository, sha(901), title="Rework the scheduler", requested_by="grace", branch="feature/scheduler"
    )
    ids = {"repository": repository, "group": group, "mixed": mixed}
    ids["fork"] = await _fork(site, repository)
    ids["failed"] = await _failed(site, mixed)
    await site.job(mixed, "timed_out", configuration="debug", reason="limit: 20 s from claim to end")
    ids["running"], ids["attempt"] = await _running(site, mixed)
    await site.job(mixed, "queued", board_type="rpi4", configuration="debug", queued_at=NOW - timedelta(minutes=3))
    await site.pipeline(group, sha(902), title="", trigger="dispatch", branch=None, requested_by="local")
    await _deliveries(site)
    return ids


async def _boards(site: Site) -> None:
    for name, kind in (("nucleo-1", "nucleo-f7"), ("nucleo-2", "nucleo-f7"), ("rpi4-a", "rpi4")):
        board = await site.board(name, "lab-1" if kind != "rpi4" else "shelf", type=kind, description="STM32F746 disco")
        for configuration in CONFIGURATIONS:
            await site.insert("configuration", board_id=board, name=configuration, tags=["bench"], limit_s=600)
    await site.board(
        "rpi4-b", "shelf", type="rpi4", health="quarantined", health_reason="3 of 5 runs lost the serial line"
    )


async def _history(site: Site, repository: int, commits: int) -> None:
    dice = random.Random(7)
    for number in range(commits):
        base = 812 if number < 17 else 934 if number < 30 else 781
        fps = 58 if number < 22 else 61
        frames = (fps + dice.choice((0, 0, 1, -1)) for _ in range(5))
        files = [
            native("boot", *(base + dice.gauss(0, 4) for _ in range(5))),
            native("draw/arc/rounded", *frames, unit="frames/s", better="higher"),
        ]
        title = ["Cache glyph outlines", "Drop the second copy", "Tune the allocator", "Bump the compiler"][number % 4]
        await site.measured(
            repository, sha(number), files, at=number * 9, title=f"{title} ({number})", pipeline={"requested_by": "ada"}
        )


async def _fork(site: Site, repository: int) -> int:
    fork = await site.pipeline(
        repository,
        sha(900),
        trigger="pull_request",
        pull_request=42,
        branch=None,
        from_fork=True,
        trust=None,
        title="Add a board for the new display",
        requested_by="stranger",
    )
    for configuration in CONFIGURATIONS:
        await site.job(fork, "awaiting_approval", configuration=configuration, queued_at=None)
    return fork


async def _failed(site: Site, pipeline: int) -> int:
    job = await site.job(pipeline, "failed", reason="run: exit code 2: 3 of 118 checks failed")
    phases = [phase("fetch", 1.8), phase("build", 31.2, 0), phase("run", 8.4, 2)]
    attempt = await site.attempt(job, "failed", exit_code=2, reason="run: exit code 2", phases=phases)
    passed = b"".join(b"\x1b[32m[ OK ]\x1b[0m check %d\n" % number for number in range(115))
    await site.log(attempt, job, passed + b"\x1b[1;31m[FAIL]\x1b[0m check 116: expected 61, got 58\n")
    await site.result(attempt, native("boot", 801, 803))
    await site.insert("audit", actor="service", action="job.queued", job_id=job)
    await site.insert("audit", actor="builder:lab-1", action="job.failed", job_id=job, detail="run: exit code 2")
    return job


async def _running(site: Site, pipeline: int) -> tuple[int, int]:
    job = await site.job(pipeline, "running", board_type="rpi4", configuration="release")
    phases = [phase("fetch", 0.4), phase("build", 12.1, 0)]
    attempt = await site.attempt(job, board="rpi4-a", phase="run", phases=phases)
    await site.log(attempt, job, b"flashing \x1b[36mrpi4-a\x1b[0m ...\nbooted in 812 ms\n")
    return job, attempt


async def _deliveries(site: Site) -> None:
    for number, verdict in enumerate(("pipeline 41 opened", "not served: acme/other is not registered", None)):
        await site.insert(
            "delivery",
            forge="github",
            key=f"72d3162e-cc78-11e3-81ab-{number:012}",
            kind="push",
            headers={},
            body=b"x" * 2100,
            body_sha256=b"x",
            verdict=verdict,
            handled_at=NOW if verdict else None,
        )
