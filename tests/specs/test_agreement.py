"""Comment, status, check, JSON and terminal say the same of a comparison, whatever came out."""

import random
import re

import msgspec
import pytest

from app.cli import compared as terminal
from app.history.verdict import Verdict
from app.reporting import verdict_words
from app.results import verdicts
from tests.compared import BASE, compare, row
from tests.specs.ruling import A
from tests.specs.test_verdict_statuses import ALONE, Judged

RESULTS, FEW = 100, 30  # of `make test-all`, and else
WITHOUT_CHANGE = {Verdict.NO_BASELINE, Verdict.NEW, Verdict.REMOVED, Verdict.FAILED, Verdict.SKIPPED}


def some_rows(chance):
    """Make rows of any verdicts and sizes."""
    return [some_row(chance, f"benchmark {number}") for number in range(chance.choice((0, 1, 1, 2, 5, 12)))]


def some_row(chance, name):
    verdict = chance.choice([*Verdict, *[Verdict.UNCHANGED] * 5])
    change = chance.choice((0.0, chance.uniform(-0.9, 2.0), chance.gauss(0, 0.05)))
    width = chance.uniform(0.0, 0.1)
    sizes = {"change": change, "low": change - width, "high": change + width, "p": chance.random()}
    better = chance.choice(("lower", "higher", None)) if verdict is not Verdict.REGRESSED else "lower"
    fails = verdict is Verdict.REGRESSED and chance.random() < 0.5
    return row(name, verdict, **sizes, better=better, fails=fails)


async def test_whatever_came_out_is_said_the_same_everywhere(world, campaign):
    await world.offer("nucleo", "pi")
    pull = Judged(world)
    await pull.open(f"{ALONE}comment = 'always'\n")
    seen, jobs = set(), await pull.jobs()
    for number in range(RESULTS if campaign > 1 else FEW):
        chance = random.Random(number)
        kind = chance.choice(("interleaved", "interleaved", "apart"))
        await again(world, list(jobs.values())[number % 2], some_rows(chance), kind)
        await pull.say([], judged_at=None, is_over=False)
        seen.add(await agreed(pull))

    assert {state for state, _ in seen} == {"success", "failure"}
    assert {verdict for _, verdict in seen} >= {Verdict.REGRESSED, Verdict.IMPROVED, Verdict.UNCHANGED, None}


async def again(world, job_id, rows, kind):
    """Replace what a job's comparison came to."""
    tables = world.tables
    async with world.deps.begin() as db:
        mine = tables.comparison.c.job_id == job_id
        await db.execute(tables.comparison.delete().where(mine))
    await compare(world.deps, job_id, rows, kind=kind)


async def agreed(pull):
    """Check all that is shown against the view; give the status's state and the verdict."""
    async with pull.world.deps.begin() as db:
        repository_id = (await pull.world.rows(pull.world.tables.pipeline))[0].repository_id
        view = await verdicts.of_commits(db, repository_id, BASE, A)
        [status] = [each.sent_state for each in await pull.world.outbox()]
    address = f"/github/acme/firmware/compare/{BASE}...{A}"
    told = msgspec.json.decode(msgspec.json.encode(view))
    page = (await pull.world.http.get(f"{address}.json")).json()
    html = (await pull.world.http.get(address)).text
    [comment] = pull.talk.sticky()
    shown = pull.world.shown(A)

    said = ("verdict", "counts", "fails", "ratio")
    assert {name: page[name] for name in said} == {name: told[name] for name in said}
    assert status == shown.state == ("failure" if told["fails"] else "success")
    if view.verdict is None:
        assert "2 of 2 passed" in comment
        return shown.state, None
    headline = verdict_words.headline(view)
    assert shown.description.startswith(headline.split(":")[0][:60])
    assert f"Rigline: {headline}" in comment
    assert f">{headline}<" in html
    assert page["headline"] == headline
    table = [line for line in comment.splitlines() if re.match(r"\| [▲▼◌=✕?1−+–] \|", line)]
    rows = [each for target in told["targets"] for each in target["rows"]]
    assert len(table) == len(rows) == sum(told["counts"].values())
    for line, each in zip(table, rows, strict=True):
        verdict = Verdict(each["verdict"])
        assert line.startswith(f"| {verdict_words.SIGNS[verdict]} | `{each['benchmark']} ")
        assert (each["change"] is None) == (verdict in WITHOUT_CHANGE)
    listed = {(each["row"]["benchmark"], each["board_type"]): bare(each["row"]) for each in page["items"]}
    assert listed == {(row["benchmark"], of["board_type"]): bare(row) for of in told["targets"] for row in of["rows"]}
    assert not [text for text in (comment, html) if "NaN" in text]
    return shown.state, view.verdict


def bare(row):
    """Leave out the values of each pair, which only the page asks for."""
    return {name: value for name, value in row.items() if name not in ("base_values", "head_values")}


@pytest.mark.parametrize("number", range(20))
def test_a_terminal_orders_and_counts_as_pages_do(number):
    rows = some_rows(random.Random(number))
    api = [{**each, "verdict": each["verdict"].value} for each in rows]
    target = {"id": 1, "pipeline_id": 2, "job_id": 3, "board_type": "n", "configuration": "f", "board": None}
    state = {"kind": "interleaved", "pairs": 8, "looks": 1, "is_over": True, "base_binary": None, "head_binary": None}
    found = terminal.view(BASE, A, "", [{**target, **state, "rows": api}])

    assert sum(found.counts.values()) == len(rows)
    assert found.fails == any(each["fails"] for each in rows)
