"""Reading `.rigline.toml`: what may stand in it, and how a mistake is told."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy import globs, read
from app.policy.places import lines_of
from app.policy.read import PolicyError
from app.policy.rules import BUILT_IN, Filter, Group, Happening, On, Supersede, matching, with_paths

WHOLE = """
version = 1

[defaults]
timeout = "45m"
filter = { types = ["nucleo"] }
comment = "always"

[trust]
approve_labels = ["ok to run"]
files = ["cmake/**", "**/CMakeLists.txt", "Makefile"]

[[on]]
event = ["push", "pull_request"]
branches = ["main", "release/**", "!release/old"]
paths = ["src/**", "!src/docs/**"]
supersede = "all"
compare = "none"

[[on]]
name = "bench"
event = "label"
labels = "Run benchmarks on HW"
remove_label = true
filter = [{ boards = "pi4", os = ["linux", "freebsd"] }, { tags = ["fast", "-slow"], platform_family = "debian" }]
repeat = 3
status = "per_target"

[[on]]
name = "nightly"
schedule = "30 2 * * mon-fri"
zone = "Europe/Berlin"
branches = ["main", "next"]
priority = "nightly"
kind = "build"

[[on.group]]
name = "quick"
filter = { configurations = ["smoke"] }

[[on.group]]
name = "rest"
needs = ["quick"]
timeout_is_not_here = false
"""


def refused(text: str) -> str:
    with pytest.raises(PolicyError) as problem:
        read.policy(text)
    return str(problem.value)


def test_a_whole_file_becomes_rules_with_the_defaults_where_a_rule_says_nothing():
    found = read.policy(WHOLE.replace("timeout_is_not_here = false\n", ""))

    branches, bench, nightly = found.rules
    assert found.approve_labels == ("ok to run",)
    assert found.trusted_files == ("cmake/**", "**/CMakeLists.txt", "Makefile")
    assert (branches.name, branches.events, branches.supersede) == ("run", (On.PUSH, On.PULL_REQUEST), Supersede.ALL)
    assert (branches.work.timeout_s, branches.work.comment, branches.work.compare) == (2700.0, "always", "none")
    assert branches.work.groups == (Group(filters=(Filter(types=("nucleo",)),)),)
    assert (bench.labels, bench.remove_label, bench.work.repeat) == (("Run benchmarks on HW",), True, 3)
    assert bench.work.groups[0].filters == (
        Filter(boards=("pi4",), facts={"os": ("linux", "freebsd")}),
        Filter(tags=("fast", "-slow"), facts={"platform_family": ("debian",)}),
    )
    assert (nightly.schedule, nightly.zone, nightly.work.kind) == ("30 2 * * mon-fri", "Europe/Berlin", "build")
    quick, rest = nightly.work.groups
    assert (quick.filters, quick.needs) == ((Filter(configurations=("smoke",)),), ())
    assert (rest.filters, rest.needs) == ((Filter(types=("nucleo",)),), ("quick",))


def test_a_file_without_rules_keeps_the_built_in_ones_with_its_defaults():
    [rule] = read.policy('[defaults]\ntimeout = 60\nkind = "build"\n').rules

    assert rule.events == BUILT_IN.rules[0].events
    assert (rule.name, rule.work.timeout_s) == ("build", 60)
    assert read.policy("").rules == BUILT_IN.rules
    assert read.policy("on = []").rules == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE, "44: unknown key 'timeout_is_not_here' in [[on.group]]; valid are filter, name, needs"),
        ("[[on]]\nevent = 'push'\nbrnches = []", "3: unknown key 'brnches' in [[on]]; did you mean 'branches'?"),
        ("[[on]]\nevent = 'pusch'", "2: event: 'pusch' is none of its words; did you mean 'push'?"),
        ("[[on]]\nevent = [\n'push',\n'tagg',\n]", "4: event: 'tagg' is none of its words; did you mean 'tag'?"),
        ("[trust]\naprove_labels = ['x']", "2: unknown key 'aprove_labels' in [trust]; did you mean 'approve_labels'?"),
        (
            "[trust]\nfiles = [\n'a',\n'../b']",
            "4: files: '../b': write a path below the root, such as cmake/** or Makefile",
        ),
        ("[trust]\nfiles = '/etc/x'", "2: files: '/etc/x': write a path below the root, such as cmake/** or Makefile"),
        ("[trust]\nfiles = ['!a']", "2: files: '!a': write a path below the root, such as cmake/** or Makefile"),
        ("[trust]\nfiles = ['a**']", "2: files: 'a**': ** stands alone between slashes, such as **/CMakeLists.txt"),
        ("[defaults]\nkind = 'run'\ntimout = 60", "3: unknown key 'timout' in [defaults]; did you mean 'timeout'?"),
        ("\n[deflauts]", "2: unknown key 'deflauts' in the file; did you mean 'defaults'?"),
        ("[[on]]\nevent = 'push'\nkind = 'rum'", "3: kind: 'rum' is none of its words; did you mean 'run'?"),
        (
            "[[on]]\nevent = 'push'\nfilter = [\n  {boards = ['a']},\n  {bord = ['a']},\n]",
            "5: unknown key 'bord' in [[on.filter]]; did you mean 'boards'?",
        ),
        ("[[on]]\nevent = 'push'\nfilter = {}", "3: a filter without any key: leave it out to take all targets"),
        ("[[on]]\nevent = 'push'\nboards = 3", "3: boards: belongs into a filter: filter = { boards = … }"),
        ("[[on]]\nevent = 'push'\nbranches = [1]", "3: branches: must be a text, not 1"),
        ("[[on]]\nevent = 'push'\nbranches = []", "3: branches: is empty, which would fit nothing"),
        ("[[on]]\nevent = 'push'\ntimeout = '5x'", '3: timeout: must be seconds or a text such as "45m"'),
        ("[[on]]\nevent = 'push'\ntimeout = '25h'", '3: timeout: must be seconds or a text such as "45m"'),
        ("[[on]]\nevent = 'push'\nrepeat = 0", "3: repeat: must be a whole number from 1 to 100, not 0"),
        ("[[on]]\nevent = 'push'\ndrafts = 'no'", "3: drafts: must be true or false, not 'no'"),
        ("[[on]]\nbranches = ['x']", "1: [[on]] needs an event: one or some of push, tag"),
        ("[[on]]\nevent = 'push'\nlabels = ['x']", "3: labels: has a meaning for the event pull_request or label only"),
        ("[[on]]\nevent = 'label'", "2: event: label needs `labels`"),
        ("[[on]]\nevent = 'schedule'", "2: event: schedule needs `schedule`"),
        ("[[on]]\nschedule = '61 * * * *'", "2: schedule: minute: '61' is not a number from 0 to 59"),
        ("[[on]]\nschedule = '0 0 31 2 *'", "2: schedule: there is no such day"),
        ("[[on]]\nschedule = 'nightli'", "2: schedule: needs five fields"),
        ("[[on]]\nschedule = 'nightly'\nzone = 'Europe/Berln'", "3: zone: there is no time zone 'Europe/Berln'"),
        ("[[on]]\nschedule = 'nightly'\nzone = '../etc/passwd'", "3: zone: there is no time zone"),
        ("[[on]]\nschedule = 'nightly'\nbranches = ['re*']", "3: branches: a schedule needs whole names"),
        ("[[on]]\nevent = 'push'\nname = 'A b'", "3: name: at most 60 small letters"),
        (
            "[[on]]\nevent = 'push'\n[[on]]\nevent = 'tag'\nrepeat = 2",
            "3: two rules are named 'run' and ask for different",
        ),
        (
            "[[on]]\nevent = 'push'\n[[on.group]]\nname = 'a'\nneeds = ['b']\n[[on.group]]\nname = 'b'\nneeds = ['a']",
            "5: needs: group 'a' waits, by way of others, for itself",
        ),
        (
            "[[on]]\nevent = 'push'\n[[on.group]]\nname = 'a'\n[[on.group]]\nname = 'bb'\nneeds = ['aa']",
            "7: needs: 'aa' is none of its words; did you mean 'a'?",
        ),
        ("[[on]]\nevent = 'push'\n[[on.group]]\nname = 'a'\n[[on.group]]\nname = 'a'", "4: name: two groups are named"),
        ("on = 3", "1: on: must be a table or a list of tables, not 3"),
        ("on = [3]", "1: [[on]] must be a table, not 3"),
        ("version = 2", "1: version: only version 1 is known"),
        ("a = 1\nb = = 2", "2: is not TOML: Invalid value"),
        ("a = 1\na = 2", "2: is not TOML: Cannot overwrite a value"),
        ("a = " + "[" * 60_000, "1: nested too deeply"),
        ("#" * 70_000, "1: 70000 characters; 65536 are allowed"),
        ("on = [" + "{event='push'}," * 51 + "]", "1: on: there are 51; 50 are allowed"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_nearest_valid_word(text, said):
    assert refused(text).startswith(f".rigline.toml:{said}")


def test_bytes_that_are_no_text_are_told_with_their_line():
    with pytest.raises(PolicyError, match=r"^\.rigline\.toml:2: is not UTF-8$"):
        read.decoded(b"# fine\n\xff")


_WORDS = st.sampled_from(["a", "b-c", '"d.e"', "'f'"])
_VALUES = st.recursive(
    st.sampled_from(["1", "true", '"x\\"]"', "'#}'", '"""\n[[a]]\n"""', "1979-05-27T07:32:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ",# c\n".join(items) + "]")
        | st.lists(inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"k{n} = {each}" for n, each in enumerate(items)) + "}"
        )
    ),
    max_leaves=8,
)


@given(st.lists(st.tuples(_WORDS, _VALUES), max_size=6, unique_by=lambda pair: pair[0]))
def test_every_value_of_a_valid_file_has_the_line_on_which_its_key_stands(pairs):
    text = "".join(f"[[t]]\n{key} = {value}\n" for key, value in pairs)
    found, data = lines_of(text), tomllib.loads(text)

    for number, (key, _) in enumerate(pairs):
        name = key.strip("\"'")
        assert list(data["t"][number]) == [name]
        line = text.splitlines()[found["t", number, name] - 1]
        assert line.startswith(f"{key} = ")
    assert sum(len(path) == 2 for path in found) == len(pairs)


@pytest.mark.parametrize(
    ("patterns", "fitting", "others"),
    [
        (["main"], ["main"], ["maine", "Main", "x/main"]),
        (["release/*"], ["release/1", "release/"], ["release/1/2", "release", "xrelease/1"]),
        (["release/**"], ["release/1", "release/1/2"], ["release"]),
        (["**/test_*.c"], ["test_a.c", "a/test_a.c", "a/b/test_.c"], ["xtest_a.c", "a/test_b/x.c"]),
        (["src/**/a.c"], ["src/a.c", "src/x/a.c", "src/x/y/a.c"], ["src/xa.c", "a.c"]),
        (["v?.?"], ["v1.2"], ["v1.23", "v1./"]),
        (["!docs/**"], ["src/a"], ["docs/a", "docs/b/c"]),
        (["**", "!docs/**", "docs/keep"], ["src/a", "docs/keep"], ["docs/a"]),
        (["a.b", "[x]", "$(x)"], ["a.b", "[x]", "$(x)"], ["aXb", "x"]),
    ],
)
def test_globs_fit_whole_names(patterns, fitting, others):
    assert [each for each in [*fitting, *others] if globs.matches(patterns, each)] == fitting


def test_no_glob_takes_long():
    assert not globs.matches(["*a" * 60 + "b"], "a" * 4000)


PUSH = Happening(event=On.PUSH, branch="main")
PULL = Happening(event=On.PULL_REQUEST, branch="main", labels=frozenset(["bench"]))


@pytest.mark.parametrize(
    ("rule", "happening", "fits"),
    [
        ("event = 'push'", PUSH, True),
        ("event = 'tag'", PUSH, False),
        ("event = 'push'\nbranches = ['dev']", PUSH, False),
        ("event = 'tag'\ntag_names = ['v*']", Happening(event=On.TAG, tag="v1"), True),
        ("event = 'tag'\ntag_names = ['v*']", Happening(event=On.TAG, tag="x"), False),
        ("event = 'pull_request'", PULL, True),
        ("event = 'pull_request'\nlabels = ['bench']", PULL, True),
        ("event = 'pull_request'\nlabels = ['other']", PULL, False),
        ("event = 'pull_request'", Happening(event=On.PULL_REQUEST, branch="main", draft=True), False),
        ("event = 'pull_request'\ndrafts = true", Happening(event=On.PULL_REQUEST, branch="main", draft=True), True),
        ("event = 'label'\nlabels = ['bench']", Happening(event=On.LABEL, label="bench", draft=True), True),
        ("event = 'label'\nlabels = ['bench']", Happening(event=On.LABEL, label="doc", labels=PULL.labels), False),
    ],
)
def test_a_rule_is_asked_for_by_event_branch_tag_label_and_draft(rule, happening, fits):
    assert bool(matching(read.policy(f"[[on]]\n{rule}"), happening)) is fits


def test_paths_choose_rules_and_what_is_not_known_counts_as_touched():
    rules = read.policy("[[on]]\nevent = 'push'\npaths = ['src/**', '!src/docs/**']").rules

    assert with_paths(rules, ["docs/a", "src/a.c"]) == list(rules)
    assert with_paths(rules, ["docs/a", "src/docs/x"]) == []
    assert with_paths(rules, None) == list(rules)
