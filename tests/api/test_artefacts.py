"""Artefacts through the service: stored piece by piece, checked at the end, given back as downloads only."""

import hashlib
from pathlib import Path

import pytest

from builders.protocol import MAX_CHUNK
from tests.api.service import Builder, Json, Service
from tests.cli.commands import local

HOSTILE = 'out/<img src=x onerror=alert(1)>".html'


async def put(builder: Builder, lease: Json, number: int, data: bytes) -> None:
    for piece, start in enumerate(range(0, len(data), MAX_CHUNK)):
        where = f"/attempts/{lease['attempt_id']}/artefacts/{number}/{piece}?epoch={lease['epoch']}"
        (await builder.http.put(where, content=data[start : start + MAX_CHUNK])).raise_for_status()


async def finish(builder: Builder, lease: Json, named: dict[str, bytes], **changes: object) -> Json:
    artefacts = [
        {"number": number, "name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **changes}
        for number, (name, data) in enumerate(named.items())
    ]
    said = {"epoch": lease["epoch"], "outcome": "passed", "artefacts": artefacts}
    answer = await builder.http.put(f"/attempts/{lease['attempt_id']}/result", json=said)
    return {"status": answer.status_code, **answer.json()}


async def held(service: Service) -> tuple[Builder, Json]:
    builder = await service.builder()
    await service.dispatch()
    return builder, await builder.claim()


async def test_artefacts_come_back_byte_by_byte_as_downloads(service: Service) -> None:
    builder, lease = await held(service)
    files = {"build/app.elf": bytes(range(256)) * 6000, HOSTILE: b"<script>alert(1)</script>", "out/leer": b""}
    for number, data in enumerate(files.values()):
        await put(builder, lease, number, data)
        await put(builder, lease, number, data)  # a repeat changes nothing

    assert (await finish(builder, lease, files))["status"] == 200

    listed = (await service.web.get(f"/jobs/{lease['job_id']}/artefacts")).json()
    assert {each["name"]: each["size"] for each in listed["items"]} == {name: len(data) for name, data in files.items()}
    for each in listed["items"]:
        answer = await service.web.get(f"/jobs/{lease['job_id']}/artefacts/{each['number']}")
        assert answer.content == files[each["name"]]
        assert answer.headers["content-disposition"].startswith('attachment; filename="')
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["content-disposition"].count('"') == 2
    page = (await service.web.get(f"{service.url}/jobs/{lease['job_id']}")).text
    assert "build/app.elf" in page
    assert "&lt;img src=x" in page and "<img" not in page


async def test_an_artefact_that_did_not_arrive_whole_is_asked_for_again(service: Service) -> None:
    builder, lease = await held(service)
    data = b"x" * (MAX_CHUNK + 5)
    await put(builder, lease, 0, data[:MAX_CHUNK])

    first = await finish(builder, lease, {"image": data})
    await put(builder, lease, 0, data)
    second = await finish(builder, lease, {"image": data})

    assert (first["status"], first["error"]["code"], first["error"]["number"]) == (412, "incomplete", 0)
    assert second["status"] == 200


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "a//b", "a/./b", "", "a\nb", "x" * 401])
async def test_a_path_that_leads_elsewhere_is_refused(service: Service, name: str) -> None:
    builder, lease = await held(service)

    said = await finish(builder, lease, {name: b""})

    assert (said["status"], said["error"]["code"]) == (422, "invalid")


async def test_the_artefacts_of_a_job_have_a_limit(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db.queries.artefacts.MAX_ARTEFACTS_SIZE", 1000)
    builder, lease = await held(service)
    where = f"/attempts/{lease['attempt_id']}/artefacts"

    answers = [
        await builder.http.put(f"{where}/{place}?epoch={lease['epoch']}", content=b"x" * size)
        for place, size in (("0/0", 600), ("0/0", 700), ("1/0", 400), ("100/0", 1), ("0/64", 1), ("0/1", 300))
    ]

    assert [each.status_code for each in answers] == [200, 200, 413, 404, 404, 200]


async def test_an_unknown_artefact_is_not_found(service: Service) -> None:
    builder, lease = await held(service)
    assert (await finish(builder, lease, {"a": b""}))["status"] == 200

    for path in (f"/jobs/{lease['job_id']}/artefacts/1", "/jobs/99999/artefacts", "/jobs/99999/artefacts/0"):
        assert (await service.web.get(path)).status_code == 404


async def test_a_command_lists_artefacts_and_fetches_one_by_name_or_number(service: Service, tmp_path: Path) -> None:
    builder, lease = await held(service)
    files = {"build/app.elf": bytes(range(256)), "notes\N{RIGHT-TO-LEFT OVERRIDE}txt": b"plain"}
    for number, data in enumerate(files.values()):
        await put(builder, lease, number, data)
    assert (await finish(builder, lease, files))["status"] == 200
    job, file = str(lease["job_id"]), tmp_path / "app.elf"

    listed = await local(service, "job", "artefact", "list", job)
    written = await local(service, "job", "artefact", "get", job, "build/app.elf", "--output", str(file))
    printed = await local(service, "job", "artefact", "get", job, "1")
    unknown = await local(service, "job", "artefact", "get", job, "build/app")

    assert "build/app.elf" in listed.out and hashlib.sha256(files["build/app.elf"]).hexdigest() in listed.out
    assert (written.status, file.read_bytes()) == (0, files["build/app.elf"])
    assert (printed.status, printed.out) == (0, "plain")
    assert unknown.status == 1 and "has no artefact build/app: build/app.elf" in unknown.err
