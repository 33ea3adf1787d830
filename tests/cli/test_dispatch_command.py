"""`rigline dispatch` as its users see it: live lines, a summary, and an exit status to rely on."""

import asyncio
import json
import signal

from tests.api.service import HASH, REMOTE, Service
from tests.cli.commands import ended, local, start

WHAT = ("--remote-url", REMOTE, "--commit-hash", HASH)


async def test_a_run_shows_live_lines_then_every_log_and_result_and_exits_0(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    child = await start(service, "dispatch", "run", *WHAT, "--seconds", "20")
    lease = await builder.claim()
    await builder.log(lease, "Überraschung\x1b[31m!\nhalf".encode())
    assert child.stderr is not None
    live = [await asyncio.wait_for(child.stderr.readline(), 20) for _ in range(2)]
    await builder.log(lease, b" a line\n", start=24)
    await builder.finish(lease, log="Überraschung\x1b[31m!\nhalf a line\n".encode(), result=b"SEQ: 42\n")
    other = await builder.work(log=b"quick\n", result=b"SEQ: 42\n")
    said = await ended(child)

    names = [each["configuration"] for each in (lease, other)]
    assert said.status == 0, said.err
    assert live[0].startswith(b"Pipeline ")
    assert live[1].decode() == f"desk/{names[0]} | Überraschung!\n"
    assert f"desk/{names[0]} | half a line\n" in said.err
    assert "passed after" in said.out and "2 logs, 2 results" in said.out
    assert "The results of 2 jobs are equal." in said.out
    assert f"Log of {lease['job_id']} - desk {names[0]} [tag-{names[0]}]\nÜberraschung!\nhalf a line\n" in said.out
    assert f"Result of {other['job_id']} - desk {names[1]} [tag-{names[1]}]\nSEQ: 42\n" in said.out
    assert said.out.count("SEQ: 42") == 2
    assert "\x1b" not in said.out + said.err


async def test_a_job_that_timed_out_is_named_and_the_command_exits_1(service: Service) -> None:
    builder = await service.builder()
    child = await start(service, "dispatch", "run", *WHAT, "--quiet")
    lease = await builder.claim()
    await builder.log(lease, b"working\n")
    await builder.finish(lease, "timed_out", log=b"working\n", reason="limit: 20 s are over")
    said = await ended(child)

    assert said.status == 1
    assert "desk/fast timed_out: limit: 20 s are over" in said.out
    assert "1 log, 0 results" in said.out
    assert "| working" not in said.err


async def test_results_that_differ_are_reported_and_fail_the_command_only_when_asked(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    said = []
    for more in ((), ("--expect-equal",)):
        child = await start(service, "dispatch", "run", *WHAT, *more, "--json" if not more else "--quiet")
        await builder.work(result=b"SEQ: 1\n")
        await builder.work(result=b"SEQ: 2\n")
        said.append(await ended(child))

    assert [each.status for each in said] == [0, 1]
    assert json.loads(said[0].out)["results_equal"] is False
    assert "The results differ: desk/" in said[1].out


async def test_measurements_are_not_compared_as_text(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    child = await start(service, "dispatch", "run", *WHAT, "--json", "--expect-equal")
    for sample in (1, 2):
        metric = {"name": "m", "unit": "s", "better": "lower", "samples": [sample]}
        native = {"version": 1, "benchmarks": [{"name": "b", "metrics": [metric]}]}
        await builder.work(result=json.dumps(native).encode())
    said = await ended(child)

    assert (said.status, json.loads(said.out)["results_equal"]) == (0, None)


async def test_texts_of_benchmark_tools_and_a_skip_are_not_compared_with_those_that_are_results(
    service: Service,
) -> None:
    builder = await service.builder(desk=["a", "b", "c", "d"])
    child = await start(service, "dispatch", "run", *WHAT, "--json", "--expect-equal")
    for text in (b"SEQ: 1\n", b"Skip\n", b"BenchmarkDraw-8  1000  812 ns/op\n", b"SEQ: 1\n"):
        await builder.work(result=text)
    said = await ended(child)

    assert (said.status, json.loads(said.out)["results_equal"]) == (0, True)


async def test_without_waiting_the_pipeline_is_only_opened(service: Service) -> None:
    await service.builder()

    said = await local(service, "dispatch", "build", *WHAT, "--no-wait", "--json")

    assert said.status == 0, said.err
    assert (json.loads(said.out)["state"], json.loads(said.out)["kind"]) == ("queued", "build")


async def test_ctrl_c_stops_the_waiting_and_says_how_to_cancel(service: Service) -> None:
    builder = await service.builder()
    child = await start(service, "dispatch", "run", *WHAT)
    lease = await builder.claim()
    assert child.stderr is not None
    await asyncio.wait_for(child.stderr.readline(), 20)
    child.send_signal(signal.SIGINT)
    said = await ended(child)
    after = (await service.web.get(f"/pipelines/{lease['pipeline_id']}")).json()

    assert said.status == 130
    assert f"rigline pipeline cancel {lease['pipeline_id']}" in said.err
    assert "Traceback" not in said.err
    assert after["state"] == "running"


async def test_wrong_usage_exits_2_with_the_way_out(service: Service) -> None:
    await service.builder()
    asked = {
        ("--remote-url", REMOTE): "--commit-hash",
        ("--commit-hash", HASH): "either --remote-url or --repository",
        (*WHAT, "--board", "dekc"): "Did you mean 'desk'?",
        (*WHAT, "--seconds", "0"): "--seconds",
        ("--remote-url", "ext::sh", "--commit-hash", HASH): "remote_url",
        ("--remote-url", REMOTE, "--commit-hash", HASH[:8]): "git rev-parse",
    }

    for words, said in asked.items():
        answer = await local(service, "dispatch", "run", *words)

        assert (words, answer.status) == (words, 2)
        assert said in answer.err


async def test_the_remotes_token_comes_from_the_environment_and_is_said_nowhere(service: Service) -> None:
    builder = await service.builder()

    said = await local(service, "dispatch", "run", *WHAT, "--no-wait", "--json", RIGLINE_REMOTE_TOKEN="ghp_private")
    lease = await builder.claim()

    assert lease["source"]["token"] == "ghp_private"
    assert "ghp_private" not in said.out + said.err


async def test_a_dispatch_whose_token_is_gone_is_not_retried_and_says_so_everywhere(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    opened = await service.dispatch(token="ghp_veryprivate")
    first, last = opened["jobs"]

    await builder.work(outcome="failed")
    early = await service.local.post(f"/jobs/{first['id']}/retry")
    for _ in range(2):
        await builder.work(outcome="failed")
    answers = [
        await service.local.post(f"/{each}/retry") for each in (f"jobs/{last['id']}", f"pipelines/{opened['id']}")
    ]
    command = await local(service, "job", "retry", str(last["id"]))
    shown = (f"jobs/{last['id']}", f"pipelines/{opened['id']}")  # a remote that wants a token is private
    pages = [(await service.local.get(f"http://rigline/{each}")).text for each in shown]

    assert early.status_code == 200
    assert [(each.status_code, each.json()["error"]["code"]) for each in answers] == [(409, "token_erased")] * 2
    assert "Dispatch the commit again, with --token." in command.err
    assert command.status == 1
    assert all("<code>--token</code>" in each for each in pages)
