"""`rigline builder install`: from a bare machine with SSH to a builder that is online, and back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.service import Service
from tests.cli.commands import Ended, local
from tests.cli.lab_machine import PASSWORD, SUDO, LabMachine, lab_machine

CONFIG = """\
version = 1

[[boards]]
name = "desk"

[[boards.configurations]]
name = "fast"
build = "true"
run = "true"
"""


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[LabMachine]:
    async with lab_machine(tmp_path) as machine:
        yield machine


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "builder.toml"
    file.write_text(CONFIG)
    return file


async def install(service: Service, machine: LabMachine, *more: str, password: str = PASSWORD) -> Ended:
    words = ("builder", "install", *machine.words(), "--name", "shelf", "--service", service.url)
    log = ("--log-file", str(machine.home / "install.log"))
    return await local(service, *words, *log, "--ask-password", *more, input=f"{password}\n")


async def builders(service: Service) -> list[str]:
    return [each["name"] for each in (await service.local.get("/builders")).json()["items"]]


async def test_one_command_makes_a_bare_machine_a_builder_that_is_online(
    service: Service, machine: LabMachine, config: Path
) -> None:
    ended = await install(service, machine, "--config", str(config))
    assert ended.status == 0, ended.err + ended.out
    assert [line for line in ended.out.splitlines() if line.startswith("- ")][-1] == "- wait for the agent to connect"
    shelf = (await service.local.get("/builders/shelf")).json()
    assert [board["name"] for board in shelf["boards"]] == ["desk"]
    assert shelf["seen_at"] is not None
    token = machine.home / ".config/rigline-builder/shelf/token"
    secret = token.read_text().strip()
    assert token.stat().st_mode & 0o777 == 0o600
    holders = [path for path in machine.left() if secret in (machine.home / path).read_text(errors="replace")]
    assert holders == [".config/rigline-builder/shelf/token"]
    for said in (ended.out, ended.err, (machine.home / "install.log").read_text()):
        assert secret not in said
        assert PASSWORD not in said


async def test_a_login_that_is_root_installs_for_the_machine_with_an_account_of_its_own(
    service: Service, tmp_path: Path, config: Path
) -> None:
    async with lab_machine(tmp_path, lets_root_in=True) as machine:
        assert machine.root is not None
        ended = await install(service, machine, "--config", str(config))
        assert ended.status == 0, ended.err + ended.out
        place, unit = machine.root / "etc/rigline-builder/shelf", machine.root / "etc/systemd/system"
        shelf = (await service.local.get("/builders/shelf")).json()
        assert shelf["seen_at"] is not None and [each["name"] for each in shelf["boards"]] == ["desk"]
        assert (place / "token").stat().st_mode & 0o777 == 0o600
        assert (place / "builder.toml").stat().st_mode & 0o777 == 0o640
        text = (unit / "rigline-builder-shelf.service").read_text()
        assert "User=rigline-builder\n" in text and "WantedBy=multi-user.target" in text
        assert '"/opt/rigline-builder/shelf/current/bin/rigline-builder"' in text
        asked = (machine.home / "accounts").read_text()
        assert "--system" in asked and "--shell /bin/false rigline-builder" in asked

        token = (place / "token").read_bytes()
        again = await install(service, machine)
        assert again.status == 0, again.err
        assert "in place of" in again.out and (place / "token").read_bytes() == token
        assert (machine.home / "accounts").read_text() == asked, "the account is there already"

        config.write_text("version = 1\nboards = 7")
        wrong = await install(service, machine, "--config", str(config))
        assert wrong.status == 1 and (place / "builder.toml").read_text() == CONFIG

        assert {"etc/rigline-builder/shelf/token", "etc/systemd/system/rigline-builder-shelf.service"} <= machine.left()
        words = ("builder", "uninstall", *machine.words(), "--name", "shelf", "--ask-password")
        log = ("--log-file", str(machine.home / "install.log"))
        gone = await local(service, *words, *log, input=f"{PASSWORD}\n")
        assert gone.status == 0, gone.err
        assert (machine.left(), await builders(service)) == (set(), [])


async def test_an_upgrade_keeps_the_token_one_that_fails_goes_back_and_uninstall_leaves_nothing(
    service: Service, machine: LabMachine, config: Path
) -> None:
    assert (await install(service, machine, "--config", str(config))).status == 0
    place = machine.home / ".config/rigline-builder/shelf"
    token = (place / "token").read_bytes()

    again = await install(service, machine)
    assert again.status == 0, again.err
    assert "in place of" in again.out
    assert (place / "token").read_bytes() == token

    running = (machine.home / "agent.pid").read_text()
    config.write_text("version = 1\nboards = 7")
    wrong = await install(service, machine, "--config", str(config))
    assert wrong.status == 1
    assert "The version before is in place again." in wrong.err
    assert (place / "builder.toml").read_text() == CONFIG
    assert (machine.home / "agent.pid").read_text() != running
    assert await builders(service) == ["shelf"]

    words = ("builder", "uninstall", *machine.words(), "--name", "shelf", "--ask-password")
    gone = await local(service, *words, "--log-file", str(machine.home / "install.log"), input=f"{PASSWORD}\n")
    assert gone.status == 0, gone.err
    assert (machine.left(), await builders(service)) == (set(), [])


async def test_a_configuration_that_is_wrong_leaves_nothing_behind(
    service: Service, machine: LabMachine, config: Path
) -> None:
    config.write_text("version = 1\nboards = 7")
    ended = await install(service, machine, "--config", str(config))
    assert ended.status == 1
    assert "boards" in ended.err
    assert "Nothing is left on the machine, and the builder is not registered." in ended.err
    assert machine.left() == set()
    assert await builders(service) == []


async def test_a_machine_that_is_not_known_is_refused_with_the_fingerprint_to_compare(
    service: Service, machine: LabMachine, config: Path
) -> None:
    machine.known_hosts.write_text("")
    ended = await install(service, machine, "--config", str(config))
    assert (ended.status, machine.left(), await builders(service)) == (1, set(), [])
    assert f"--host-key {machine.host_key}" in ended.err
    ended = await install(service, machine, "--config", str(config), "--host-key", "SHA256:another")
    assert (ended.status, await builders(service)) == (1, [])
    ended = await install(service, machine, "--config", str(config), "--host-key", machine.host_key)
    assert ended.status == 0, ended.err


async def test_a_wrong_password_says_so_and_changes_nothing(service: Service, machine: LabMachine) -> None:
    ended = await install(service, machine, password="wrong")
    assert ended.status == 1
    assert "refuses the login" in ended.err
    assert (machine.left(), await builders(service)) == (set(), [])


@pytest.mark.parametrize(("missing", "told"), [("git", "there is no git"), ("python3", "there is no Python 3.11")])
async def test_a_machine_without_what_the_agent_needs_is_told_what_to_install(
    service: Service, machine: LabMachine, config: Path, missing: str, told: str
) -> None:
    (machine.programs / missing).unlink()
    ended = await install(service, machine, "--config", str(config))
    assert ended.status == 1
    assert told in ended.err
    assert (machine.left(), await builders(service)) == (set(), [])


async def test_an_agent_that_does_not_connect_is_taken_away_and_its_last_words_are_told(
    service: Service, machine: LabMachine, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.install.steps.CONNECT_S", 3.0)
    ended = await install(service, machine, "--config", str(config), "--service", "http://127.0.0.1:9")
    assert ended.status == 1
    assert "did not connect within 3 seconds" in ended.err
    assert "its journal is empty" not in ended.err
    assert (machine.left(), await builders(service)) == (set(), [])


async def test_where_sudo_refuses_the_way_out_is_told(service: Service, machine: LabMachine, config: Path) -> None:
    machine.program("sudo", SUDO)
    words = [each for each in machine.words() if each != "--user"]
    log = str(machine.home / "install.log")
    told = ("builder", "install", *words, "--config", str(config), "--service", service.url, "--log-file", log)
    ended = await local(service, *told, "--ask-password", input=f"{PASSWORD}\n")
    assert ended.status == 1
    assert "use --user" in ended.err
    assert await builders(service) == []


async def test_without_a_place_where_the_lab_finds_the_service_it_asks_for_one(
    service: Service, machine: LabMachine
) -> None:
    ended = await local(service, "builder", "install", *machine.words(), "--ask-password", input=f"{PASSWORD}\n")
    assert ended.status == 2
    assert "--service" in ended.err
