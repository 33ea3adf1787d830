"""An instance over its years: upgraded, rolled back, backed up, removed, restored elsewhere, going on with its work."""

import json

import pytest

from app.db import schema
from tests.ground.processes import ROOT, working_below
from tests.package import code_trees
from tests.package.instances import Instance, folder


@pytest.fixture
def place():
    with folder() as found:
        yield found


def builders_of(instance):
    return {each["name"] for each in json.loads(instance.must("builder", "list", "--json"))["items"]}


def revision_of(instance):
    return json.loads(instance.rigline("db", "current", "--json").stdout)["current"]


@pytest.mark.campaign
def test_an_upgrade_that_fails_leaves_the_service_as_it_was_and_one_that_works_keeps_everything(place):
    """From the real schema of before the newest migration to the code as it is."""
    before = code_trees.of_before(place / "before")
    bad = code_trees.copied(place / "bad", head=schema.head(), migration=code_trees.GOOD, broken_start=True)
    old, new, broken = (
        code_trees.environment(place / f"{name}-env", tree)
        for name, tree in (("old", before), ("new", ROOT), ("broken", bad))
    )
    one = Instance(place / "one")
    assert one.install("--tls", "off", "--start", venv=old).returncode == 0, one.log()
    one.must("builder", "create", "shelf")
    settings = (one.prefix / "etc/rigline.env").read_text()
    was = one.status()["state"], revision_of(one)

    failed = one.rigline("upgrade", "--venv", broken)

    assert was == ("running", code_trees.before())
    assert failed.returncode == 1
    assert "The upgrade failed at the start" in failed.stderr
    assert "a bug of the new version" in failed.stderr
    assert "The data is restored from the backup." in failed.stderr
    assert "and the service runs." in failed.stderr
    assert (one.status()["state"], one.status()["version"]) == ("running", str(old))
    assert (builders_of(one), revision_of(one)) == ({"shelf"}, code_trees.before())

    one.must("stop")  # an upgrade of a stopped service tries it and stops it again
    upgraded = one.rigline("upgrade", "--venv", new)

    assert upgraded.returncode == 0, upgraded.stderr
    assert [line for line in upgraded.stderr.splitlines() if "back up" in line or "migrate" in line] != []
    assert one.status()["state"] == "stopped"
    newest = schema.head()
    assert json.loads(one.must("db", "current", "--json")) == {"current": newest, "newest": newest, "fits": True}
    assert (one.prefix / "etc/rigline.env").read_text() == settings
    assert len(list((one.prefix / "data/backups").iterdir())) == 2
    one.must("start")
    assert builders_of(one) == {"shelf"}


@pytest.mark.campaign
def test_a_backup_of_a_removed_instance_goes_on_elsewhere_beside_another_one(place):
    one, two = Instance(place / "one"), Instance(place / "two")
    for each in (one, two):
        assert each.install("--tls", "off", "--start").returncode == 0, each.log()
    one.must("builder", "create", "shelf")
    assert (builders_of(one), builders_of(two)) == ({"shelf"}, set())
    key = next(line for line in (one.prefix / "etc/rigline.env").read_text().splitlines() if "SECRET_KEY=" in line)
    ports = one.status()["ports"]
    one.must("backup", place / "one.rig")

    one.must("uninstall", "--yes")
    moved = Instance(place / "elsewhere")
    assert moved.install("--tls", "off", "--port", str(ports["PORT"] + 50)).returncode == 0
    env = moved.prefix / "etc/rigline.env"
    lines = [key if "SECRET_KEY=" in line else line for line in env.read_text().splitlines()]
    env.write_text("\n".join(lines) + "\n")
    moved.must("restore", place / "one.rig")
    moved.must("start")

    assert not one.prefix.exists()
    assert working_below(one.prefix) == []
    assert builders_of(moved) == {"shelf"}
    assert two.status()["state"] == "running"
    assert moved.status()["urls"] == [f"http://127.0.0.1:{ports['PORT'] + 50}"]
