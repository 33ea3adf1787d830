"""What is a command, what is none, and what a wrong one is told."""

import contextlib
import time
from pathlib import Path

import pytest

from app.handlers.commands import grammar, reference
from app.handlers.commands.grammar import commands
from app.handlers.commands.verbs import RULES, Base, Command, Verb, Wrong

DOC = Path(__file__).parents[2] / "docs/reference/commands.md"
SHA = "0123456789abcdef0123456789abcdef01234567"


def verbs(text, **more):
    return [each.verb.value for each in commands(text, **more)]


def test_a_command_with_all_its_arguments_is_understood():
    [command] = commands('/rig run boards=pi4,-rock5 tags=fast,-slow configs="O2" repeat=3 priority=branch sha=' + SHA)

    assert command == Command(
        verb=Verb.RUN,
        boards=("pi4", "-rock5"),
        tags=("fast", "-slow"),
        configs=("O2",),
        repeat=3,
        priority="branch",
        sha=SHA,
    )


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("", Base(kind="merge-base")),
        ("base=merge-base", Base(kind="merge-base")),
        ("base=LAST", Base(kind="last")),
        ("base=branch:release/1.2", Base(kind="branch", name="release/1.2")),
        ("base=tag:v1.0", Base(kind="tag", name="v1.0")),
        (f"base=sha:{SHA}", Base(kind="sha", name=SHA)),
    ],
)
def test_a_base_is_named_in_five_ways(text, base):
    [command] = commands(f"/rig compare {text}")

    assert command.base == base


@pytest.mark.parametrize(
    "text",
    [
        "/rig run",
        "Thanks!\n\n/rig run",
        "Thanks, and now\n/rig run   \nis what we need",
        "hello\r\n\r\n/rig run\r\n",
        "   /rig run",
        "/RIG Run",  # a phone's capitals
        "/rig\trun",
        "- /rig run",
        "1. first\n   - /rig run",
        "* [x] done\n\n/rig run",
        "@rigline run",
        "@RigLine RUN",
        "/rig run repeat=“3”",  # a phone's quotes
        "<b>bold</b> words\n/rig run",
        "<br>\n\n/rig run",
        "<!-- a template says something -->\n\n/rig run",
        "<details>\n\nhidden\n\n</details>\n\n/rig run",
    ],
)
def test_a_plain_line_that_begins_with_the_prefix_is_a_command(text):
    assert verbs(text, names=["rigline"]) == ["run"]


@pytest.mark.parametrize(
    "text",
    [
        "please /rig run",
        "/rigline run",
        "/rig-run",
        "rig run",
        "@riglines run",
        "`/rig run`",
        "``\n/rig run\n``",
        "```\n/rig run\n```",
        "~~~sh\n/rig run\n~~~",
        "    /rig run",
        "> /rig run",
        "> said somebody\n/rig run",  # a lazy line still belongs to the quote
        "- > /rig run",
        "# /rig run",
        "/rig run\n---",
        "<!-- /rig run -->",
        "<!--\n/rig run\n-->",
        "words <!--\n/rig run\n--> words",
        "<!-- never closed\n\n/rig run",
        "<details>\n/rig run\n</details>",
        "<details>\n\n/rig run\n\n</details>",
        "<details><!-- </details> -->\n\n/rig run",
        '<div title="</div>">\n\n/rig run',
        "<b>\n/rig run</b>",
        '[link](http://x "\n/rig run")',
        "[\n/rig run\n](http://x)",
        "![\n/rig run\n](http://x)",
        "*x\n/rig run*",
        "**x\n/rig run**",
        "~~x\n/rig run\nx~~",
        "\\/rig run",
        "[a]: /rig run",
        "one line\u2028/rig run",
        "one line\x0b/rig run",
        "| /rig run |\n|---|",
        "/rig run " + "x" * 1000,  # a paragraph so long is prose
        "\n" * 1000 + "/rig run",
        "x " * 8000 + "\n\n/rig run",
        "",
        "\0",
    ],
)
def test_what_a_reader_does_not_see_as_a_plain_line_is_no_command(text):
    assert commands(text, names=["rigline"]) == []


def test_the_bots_own_reply_that_quotes_a_command_holds_none():
    with pytest.raises(Wrong) as wrong:
        commands("/rig run boards=`/rig")

    assert commands(str(wrong.value)) == []
    assert commands(reference.short("/rig")) == []
    assert commands("\n".join(reference.one(verb, "/rig") for verb in RULES)) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run boards =x", "without spaces around the `=`"),
        ("run boards= x", "without spaces around the `=`"),
        ("run boards=", "without spaces around the `=`"),
        ("run =x", "without spaces around the `=`"),
        ("run repeat=0", "a number from 1 to 50"),
        ("run repeat=9999", "a number from 1 to 50"),
        ("run repeat=-1", "a number from 1 to 50"),
        ("run repeat=1e3", "a number from 1 to 50"),
        ("run boards=a boards=b", "said twice"),
        ("run BOARDS=a board=b", "said twice"),
        ("run boards=a,,b", "names, separated by commas"),
        ("run bords=a", "Did you mean `boards`?"),
        ("run nightly", "does not know what to do with `nightly`"),
        ("run sha=abc", "full hash"),
        (f"run sha={SHA[:39]}", "full hash"),
        ("run priority=now", "`release`, `branch`, `pull_request`, `nightly`"),
        ('run boards="a', "opened and not closed"),
        ("runn", "Did you mean `run`?"),
        ("deploy", "There is no verb `deploy`"),
        ("", "Which verb?"),
        (f"approve {SHA[:15]}", "at least its first 16"),
        ("approve main", "at least its first 16"),
        ("compare base=branch:", "`merge-base`"),
        ("compare base=branch:a..b c", "does not know"),
        ("compare base=sha:abc", "full hash"),
        ("cancel job=0", "the number of a job"),
        ("cancel all job=3", "not both"),
        ("retry some", "`failed`, `all`"),
        ("revoke now", "nothing more"),
        ("help me", "`me`"),
        ("run " + "x" * 600, "at most 500 characters"),
    ],
)
def test_a_wrong_command_is_told_what_would_be_right(line, told):
    with pytest.raises(Wrong) as wrong:
        commands(f"/rig {line}")

    assert told in str(wrong.value)


def test_what_a_stranger_wrote_is_quoted_without_a_mention_or_mark_up():
    with pytest.raises(Wrong) as wrong:
        commands("/rig run <img>@acme/everybody|\\`x")

    assert "what to do with `<>@acme/everybody|'x`. It" in str(wrong.value)


def test_six_commands_are_too_many():
    assert len(commands("/rig help\n" * 5)) == 5
    with pytest.raises(Wrong, match="at most 5"):
        commands("/rig help\n" * 6)


def test_one_wrong_command_stops_the_whole_comment():
    with pytest.raises(Wrong):
        commands("/rig run\n/rig rnu")


BOMBS = {
    "lines": "/rig run\n" * 7000,
    "paragraphs": "/rig run\n\n" * 6500,
    "list": "- /rig run\n" * 6000,
    "quotes": ("> " * 20 + "/rig x\n") * 1200,
    "stars": "/rig " + "*a " * 20000,
    "brackets": "/rig " + "[" * 60000,
    "many brackets": ("/rig " + "[" * 900 + "\n\n") * 70,
    "back-ticks": "/rig`a " * 9000,
    "deep": "- " * 30000 + "/rig run",
    "open tags": '/rig <a "' * 7000,
    "many open tags": ("/rig " + '<a "' * 200 + "\n\n") * 80,
    "attributes": "<div " + "\"'<" * 20000 + "\n\n/rig run",
    "comments": "/rig <!--" * 7000,
    "links": ("/rig [a](b" * 80 + "\n\n") * 80,
    "words": "/rig run " + 'a"' * 30000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_no_comment_takes_long_to_read(bomb):
    def read():
        started = time.process_time()
        with contextlib.suppress(Wrong):
            commands(bomb, names=["rigline"])
        return time.process_time() - started

    assert min(read() for _ in range(3)) < 0.05


def test_the_prefix_can_be_another():
    assert verbs("/bench run\n/rig run", prefix="/bench") == ["run"]


def test_every_verb_has_a_rule_and_every_argument_a_field():
    assert set(RULES) == set(Verb)
    assert all(each.key in Command.__dataclass_fields__ for rule in RULES.values() for each in rule.takes)


def test_the_reference_is_the_table():
    text = DOC.read_text()

    assert text.endswith(f"## The verbs\n\n{reference.full(grammar.PREFIX)}\n")
