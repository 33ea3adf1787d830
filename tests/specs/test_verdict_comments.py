"""The comment leads with the verdict: twelve lines at most, no edit without news, hostile names as mere text."""

import re

import pytest
import sqlalchemy as sa

from app.db.tables import conversation
from app.handlers.commands import grammar
from app.history.verdict import Verdict
from app.reporting import comments
from app.reporting.comment_text import VISIBLE
from app.reporting.verdict_markdown import LONGEST
from app.states import JobState
from tests.compared import BASE, BETTER, WORSE, compare, row
from tests.specs.ruling import A, rules
from tests.specs.test_verdict_statuses import SAME, Judged

RUN = (JobState.LEASED, JobState.RUNNING)
PLAIN = "version = 1\n"
FOLDED = re.compile(r"<details><summary>(.*?)</summary>.*?</details>", re.DOTALL)


@pytest.fixture
async def pull(world):
    await world.offer("nucleo", "pi")
    return Judged(world)


def the_comment(pull):
    [text] = pull.talk.sticky()
    return text


def visible(text):
    """List what is seen before anything is unfolded: no mark, no dashes below the head of a table."""
    shown = FOLDED.sub(r"[\1]", text)
    return [line for line in shown.splitlines() if line.strip() and not line.startswith(("<!--", "|---"))]


def ids(pull):
    """Give the ids and texts of all our comments: an edit changes a text, another comment the ids."""
    return {number: each.text for number, each in pull.talk.home.comments.items()}


async def test_the_verdict_comes_first_then_the_baseline_the_worst_rows_and_a_line_for_each_board(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE), row("text", Verdict.IMPROVED, **BETTER), SAME])
    await pull.say([SAME], board="pi")

    lines = visible(the_comment(pull))
    assert lines[0] == "### ▲ Rigline: 1 regressed, 1 improved, 2 unchanged"
    assert lines[1].startswith(f"Commit `{A[:10]}` against `merge base with main` `{BASE[:10]}`")
    assert f"(https://rigline.example/github/acme/firmware/compare/{BASE}...{A})" in lines[1]
    assert lines[2:] == [
        "- ▲ `draw time` on `nucleo/fast`: certainly worse, +4.9 % (+3.1 % … +6.7 %)",
        "- ▼ `text time` on `nucleo/fast`: certainly better, −20.0 % (−22.0 % … −18.0 %)",
        "- `nucleo/fast`: 1 regressed, 1 improved, 1 unchanged · 5.7 % better on geometric average of 3 · 16 pairs",
        "- `pi/fast`: unchanged · 16 pairs",
        "[2 jobs, 2 passed]",
        "[4 rows: 1 regressed, 1 improved, 2 unchanged]",
    ]


async def test_certain_and_size_are_said_apart_and_never_significant(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE), SAME])

    assert "signific" not in the_comment(pull)
    assert "| ▲ | `draw time` | `10 → 10 ms` | +4.9 % (+3.1 % … +6.7 %) | certainly worse |" in the_comment(pull)


async def test_jobs_that_failed_are_seen_beside_the_verdict(pull):
    rules(pull.world, PLAIN, commit=BASE)
    await pull.talk.open()
    await pull.say([row("draw", **WORSE)])
    jobs = await pull.jobs()
    async with pull.world.deps.begin() as db:
        job = pull.world.tables.job
        ended = {"ended_at": sa.func.now(), "epoch": 1}
        bad = sa.update(job).where(job.c.id == jobs["pi"]).values(state="failed", reason="exit | 2", **ended)
        await db.execute(bad)
        await db.execute(sa.update(job).where(job.c.id == jobs["nucleo"]).values(state="passed", **ended))
    await pull.say([], board="pi", judged_at=None)

    lines = visible(the_comment(pull))
    assert lines[0].startswith("### ❌ Rigline: regressed; 1 of 2 passed, 1 failed")
    assert lines[2].startswith("- ❌ `pi/fast` [failed](https://rigline.example/jobs/")
    assert lines[2].endswith(": `exit | 2`")
    assert lines[3].startswith("- ▲ `draw time`")


async def test_two_thousand_rows_fit_into_twelve_lines_and_sixty_thousand_characters(pull):
    await pull.open(PLAIN)
    rows = [row(f"{'long name/' * 12}{n}", **WORSE, note="capped at 61 " * 20) for n in range(1000)]
    await pull.say(rows)
    await pull.say([row(f"benchmark {n}", Verdict.UNDECIDED, **WORSE) for n in range(1000)], board="pi")

    text = the_comment(pull)
    assert len(text) <= LONGEST
    assert len(visible(text)) <= VISIBLE
    assert "[2,000 rows: 1000 regressed, 1000 undecided]" in visible(text)
    more = int(re.search(r"… and ([0-9,]+) more rows", text)[1].replace(",", ""))
    assert more + len(re.findall(r"^\| [▲◌] \|", text, re.MULTILINE)) == 2000


async def test_many_boards_jobs_baselines_and_earlier_commits_fit_into_twelve_lines(world):
    for n in range(4):
        await world.offer(*(f"board-{5 * n + each:02}" for each in range(5)))
    pull = Judged(world)
    await pull.open(f"{PLAIN}[defaults]\ncomment = 'always'\n", head="9" * 40)
    await pull.push(A)
    jobs = await pull.jobs()
    for number, board in enumerate(list(jobs)[:4]):
        await compare(world.deps, jobs[board], [row("draw", **WORSE)], base=str(number) * 40)
    for board in list(jobs)[:15]:
        await compare(world.deps, jobs[board], [row("draw", **WORSE), SAME])
    async with world.deps.begin() as db:
        job = world.tables.job
        bad = job.c.id.in_(list(jobs.values())[10:])
        await db.execute(sa.update(job).where(bad).values(state="failed", reason="exit 2"))
        await db.execute(sa.update(world.tables.pull_request).values(head="c" * 40))
    await pull.say([], board="board-00", judged_at=None)

    lines = visible(the_comment(pull))
    assert len(lines) <= VISIBLE
    assert any("**Outdated**" in line for line in lines)
    assert sum("[failed]" in line for line in lines) == 1
    assert "- … and 9 more" in lines
    assert sum(line.startswith("- ▲") for line in lines) >= 1


async def test_twenty_pushes_make_one_comment(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE)])
    [first] = ids(pull)
    for number in range(20):
        head = f"{number + 10:02}" * 20
        await pull.push(head)
        await pull.say([row("draw", **WORSE), SAME], head=head)

    assert list(ids(pull)) == [first]
    assert f"Commit `{head[:10]}`" in the_comment(pull)


async def test_the_same_result_told_again_edits_nothing(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE)])
    before, sent = ids(pull), len(pull.world.forges.calls)
    async with pull.world.deps.begin() as db:
        await db.execute(sa.update(conversation).values(version=conversation.c.version + 1, next_at=sa.func.now()))
    await comments.send_due(pull.world.deps)

    assert ids(pull) == before
    assert len(pull.world.forges.calls) == sent


async def test_only_a_certain_change_is_worth_a_new_comment(pull):
    await pull.open(PLAIN)
    for verdict in (Verdict.UNCHANGED, Verdict.UNDECIDED, Verdict.ONCE, Verdict.NEW, Verdict.NO_BASELINE):
        await pull.say([row("draw", verdict, **WORSE)])
        assert pull.talk.sticky() == []

    await pull.say([row("draw", Verdict.IMPROVED, **BETTER)])
    assert len(pull.talk.sticky()) == 1


async def test_a_comment_that_is_there_says_when_all_is_well_again(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE)])
    await pull.push("e" * 40)
    await pull.say([SAME], head="e" * 40)

    assert visible(the_comment(pull))[0] == "### ✅ Rigline: unchanged"


async def test_another_baseline_that_somebody_asked_for_gets_a_line_of_its_own(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE)])
    async with pull.world.deps.begin() as db:
        await db.execute(sa.update(pull.world.tables.pipeline).values(compare_why="merge base with main"))
    await pull.say([row("draw", Verdict.IMPROVED, **BETTER)], base="d" * 40)

    lines = visible(the_comment(pull))
    assert f"against `merge base with main` `{'d' * 10}`" in lines[1]
    link = f"https://rigline.example/github/acme/firmware/compare/{BASE}...{A}"
    assert f"- Against `merge base with main` `{'b' * 10}`: regressed ([numbers]({link}))" in lines


HOSTILE = [
    "a|b|c",
    "@everyone and #1 and !2",
    "<script>alert(1)</script><details>",
    "</details></summary><!-- x -->",
    "`code` ``more`` ```",
    "line\n/rig approve now\n/approve",
    "[link](https://evil.example) ![](https://evil.example/a.png)",
    "| --- | --- |",
    "zero\u200bwidth\u202eturned\u2066",
    "\x1b[31mred",
    "$\\frac{a}{b}$ &amp; :tada: https://evil.example",
]


async def test_a_hostile_name_is_nothing_but_text(pull):
    await pull.open(PLAIN)
    verdicts = list(Verdict)
    for number, name in enumerate(HOSTILE):
        said = {"metric": name, "unit": name[:50], "version": name, "note": name, "params": {name: name}}
        rows = [row(name, each, **WORSE, **said, identity=each.value) for each in verdicts]
        await pull.say(rows, board=("nucleo", "pi")[number % 2])

        text = the_comment(pull)
        outside = re.sub(r"`[^`\n]*`", "", text)
        for sign in ("@", "evil", "<script", "alert", "rig approve", "\u200b", "\u202e", "\x1b", "frac", ":tada"):
            assert sign not in outside
        assert outside.count("<details>") == outside.count("</details>") == 2
        assert not [line for line in text.splitlines() if line.lstrip().startswith(("/", "@", "#1"))]
        assert grammar.commands(text) == []
        table = [line for line in text.splitlines() if re.match(r"\| [▲▼◌=✕?1−+–] \|", line)]
        assert len(table) == len(verdicts) * min(number + 1, 2)
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {6}


async def test_no_warning_about_set_up_stands_in_a_comment(pull):
    await pull.open(PLAIN)
    await pull.say([row("draw", **WORSE), row("new", Verdict.NO_BASELINE)])

    assert "warn" not in the_comment(pull).lower()
    assert "configure" not in the_comment(pull).lower()
