"""Rules as a file, checked without a service and kept on one."""

import json
from pathlib import Path

from tests.api.service import Service
from tests.cli.commands import local, rigline

GOOD = '[[on]]\nevent = "push"\nbranches = ["main"]\n\n[[on]]\nname = "night"\nschedule = "nightly"\nkind = "build"\n'
BAD = '[[on]]\nevent = "push"\nbrnches = ["main"]\n'
SAID = ":3: unknown key 'brnches' in [[on]]; did you mean 'branches'?"


async def test_a_file_is_checked_without_a_service(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text(BAD)

    listed = await rigline("config", "check", str(good))
    as_json = await rigline("config", "check", str(good), "--json")
    refused = await rigline("config", "check", str(bad))
    refused_json = await rigline("config", "check", str(bad), "--json")
    missing = await rigline("config", "check", str(tmp_path / "none.toml"))

    assert listed.status == 0
    assert "night" in listed.out
    assert [each["name"] for each in json.loads(as_json.out)["items"]] == ["run", "night"]
    assert (refused.status, refused.err) == (1, f"Error: {bad}{SAID}\n")
    assert (refused_json.status, json.loads(refused_json.out)) == (1, {"ok": False, "error": f"{bad}{SAID}"})
    assert (missing.status, missing.err) == (1, f"Error: {tmp_path / 'none.toml'}: No such file or directory\n")


async def test_rules_are_kept_on_the_service_shown_and_forgotten(service: Service, tmp_path: Path) -> None:
    await local(service, "repo", "add", "github", "acme/app", "--id", "77")
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text(BAD)

    refused = await local(service, "repo", "policy", "set", "acme/app", str(bad))
    unknown = await local(service, "repo", "policy", "set", "acme/other", str(good))
    cleared = await local(service, "repo", "policy", "clear", "acme/app")

    assert (refused.status, refused.err) == (2, f"Error: the rules kept on the service{SAID}\n")
    assert (unknown.status, cleared.status) == (1, 0)
    assert "No rules are kept" in cleared.out


async def test_a_repository_may_have_caps_of_its_own_and_give_them_back(service: Service) -> None:
    await local(service, "repo", "add", "github", "acme/app", "--id", "77")

    shown = await local(service, "repo", "caps", "acme/app")
    changed = await local(service, "repo", "caps", "acme/app", "--fork-owner", "2", "--repository", "9", "--json")
    back = await local(service, "repo", "caps", "acme/app", "--fork-owner", "default", "--json")
    wrong = await local(service, "repo", "caps", "acme/app", "--fork-owner", "-1")

    assert [line.split() for line in shown.out.splitlines()[1:]] == [
        ["fork", "owner", "4", "the", "settings"],
        ["pull", "request", "any", "number", "the", "settings"],
        ["repository", "any", "number", "the", "settings"],
    ]
    assert json.loads(changed.out)["own"] == {"fork_owner": 2, "pull_request": None, "repository": 9}
    assert (json.loads(back.out)["fork_owner"], json.loads(back.out)["repository"]) == (4, 9)
    assert (wrong.status, "neither a number of boards nor `default`" in wrong.err) == (2, True)


async def test_a_repository_may_ask_for_more_isolation_of_its_forks_and_take_it_back(service: Service) -> None:
    await local(service, "repo", "add", "github", "acme/app", "--id", "77")

    shown = await local(service, "repo", "isolation", "acme/app")
    changed = await local(service, "repo", "isolation", "acme/app", "--forks", "cgroup")
    as_json = await local(service, "repo", "isolation", "acme/app", "--json")
    back = await local(service, "repo", "isolation", "acme/app", "--forks", "default")
    wrong = await local(service, "repo", "isolation", "acme/app", "--forks", "moat")

    assert shown.out == back.out == "Jobs of forks need a builder with namespaces, by the settings.\n"
    assert changed.out == "Jobs of forks need a builder with cgroup, by the repository.\n"
    assert json.loads(as_json.out) == {"forks": "cgroup", "own": {"forks": "cgroup"}}
    assert (wrong.status, "'moat' is not one of" in wrong.err) == (2, True)
