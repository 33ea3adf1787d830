"""Webhook secrets of one repository: they go in, are listed without themselves, and go."""

import json
from pathlib import Path

from tests.api.service import Service
from tests.cli.commands import local

KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


async def test_a_secret_is_made_listed_without_itself_and_removed(service: Service) -> None:
    await local(service, "repo", "add", "github", "acme/app", "--id", "77")

    made = await local(service, "repo", "secret", "add", "acme/app")
    listed = await local(service, "repo", "secret", "list", "acme/app", "--json")
    [told] = json.loads(listed.out)["items"]
    removed = await local(service, "repo", "secret", "remove", "acme/app", str(told["id"]))
    again = await local(service, "repo", "secret", "remove", "acme/app", str(told["id"]))
    after = await local(service, "repo", "secret", "list", "acme/app")

    assert (made.status, len(made.out.strip())) == (0, 43)
    assert (told["kind"], told["whose"]) == ("secret", "repository")
    assert made.out.strip() not in listed.out
    assert (removed.status, again.status) == (0, 1)
    assert "those of the settings count" in after.err


async def test_a_secret_comes_from_a_file_and_never_from_the_command_line(service: Service, tmp_path: Path) -> None:
    await local(service, "repo", "add", "gitlab", "acme/lib", "--id", "78")
    key, weak = tmp_path / "key", tmp_path / "weak"
    key.write_text(f"{KEY}\n")
    weak.write_text("1234")

    signing = await local(service, "repo", "secret", "add", "acme/lib", "--signing", "--file", str(key))
    listed = await local(service, "repo", "secret", "list", "acme/lib")
    refused = await local(service, "repo", "secret", "add", "acme/lib", "--file", str(weak))
    nothing = await local(service, "repo", "secret", "add", "acme/lib", "--signing")
    alone = await local(service, "repo", "secret", "add", "acme/lib", "--installation")

    assert (signing.status, signing.out) == (0, "")
    assert "signing" in listed.out and KEY not in listed.out + signing.err
    assert (refused.status, "16 to 256 visible ASCII characters" in refused.err, "1234" in refused.err) == (
        2,
        True,
        False,
    )
    assert (nothing.status, alone.status) == (2, 1)
    assert "belongs to no installation" in alone.err


async def test_a_signing_key_is_gitlabs_alone_and_must_be_one(service: Service, tmp_path: Path) -> None:
    for forge, number in (("github", "77"), ("gitlab", "78")):
        await local(service, "repo", "add", forge, f"acme/{forge}", "--id", number)
    wrong = tmp_path / "key"
    wrong.write_text("whsec_nonsense-nonsense!")

    github = await local(service, "repo", "secret", "add", "acme/github", "--signing", "--file", str(wrong))
    gitlab = await local(service, "repo", "secret", "add", "acme/gitlab", "--signing", "--file", str(wrong))

    assert (github.status, "only GitLab signs with such a key" in github.err) == (2, True)
    assert (gitlab.status, "a GitLab signing key is whsec_" in gitlab.err) == (2, True)
