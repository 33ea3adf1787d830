"""The reference of the rules says what their reader takes: each key, each word, and examples that can be used."""

import re
from pathlib import Path

import pytest

from app.policy import cron, read
from app.policy.read import PolicyError
from app.policy.rules import On, Supersede

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/rules.md"
TABLES = {
    "The file": "zzz = 1",
    "A rule: `[[on]]`": "[[on]]\nevent = 'push'\nzzz = 1",
    "What runs, and how it is shown: `[defaults]`, and each rule": "[defaults]\nzzz = 1",
    "A filter": "[defaults.filter]\nzzz = 1",
    "Groups: `[[on.group]]`": "[[on]]\nevent = 'push'\n[[on.group]]\nname = 'a'\nzzz = 1",
    "Trust: `[trust]`": "[trust]\nzzz = 1",
}


def section(title):
    return PAGE.read_text().split(f"## {title}\n")[1].partition("\n## ")[0]


def keys(text):
    with pytest.raises(PolicyError) as problem:
        read.policy(text)
    return set(re.sub(r".*valid are ", "", str(problem.value)).split(", "))


def test_every_key_has_its_line_and_no_other_has():
    shared = keys(TABLES["What runs, and how it is shown: `[defaults]`, and each rule"])
    for title, wrong in TABLES.items():
        taken = keys(wrong) - (shared - {"group"} if title.startswith("A rule") else set())
        table = re.findall(r"^\| `(\w+)` \|", section(title).partition("| event |")[0], re.MULTILINE)
        assert set(table) == taken, title


def test_every_word_is_named():
    words = {*On, *Supersede, *read.KINDS, *read.PRIORITIES, *read.STATUS_STYLES, *read.COMMENT_STYLES}
    words |= {*read.COMPARISONS, *read.FAILURES, *cron.NAMED}

    assert {word for word in words if f"`{word}`" not in PAGE.read_text()} == set()


def test_limits_are_those_of_the_reader():
    text = PAGE.read_text()

    for limit in (f"{read.LONGEST:,} characters", f"{read.MOST_RULES} rules", f"{read.MOST_GROUPS} groups"):
        assert limit in text


def test_every_example_can_be_used():
    examples = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    assert [len(read.policy(each).rules) for each in examples] == [4]
