"""What the environment may say, and what is said to who wrote it wrongly."""

import stat
from pathlib import Path

import pytest

from app.errors import StartupError
from app.settings import SECRETS, VARIABLES, Settings

ROOT = Path(__file__).parents[2]
SHARED = {"DATABASE_URL": "postgres://db/rigline", "REDIS_URL": "redis://cache", "RIGLINE_SECRET_KEY": "k" * 32}


def load(tmp_path, **given):
    return Settings.load({"RIGLINE_DATA_DIR": str(tmp_path / "data"), **given})


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_setting_is_in_the_reference(name):
    reference = (ROOT / "docs/reference/settings.md").read_text()

    row = next((line for line in reference.splitlines() if line.startswith(f"| `{name}` |")), None)

    assert row is not None
    assert (row.split("|")[3].strip() == "yes") is (name in SECRETS)


def test_without_any_setting_everything_runs_here(tmp_path):
    found = load(tmp_path)

    assert (found.embeds_postgres, found.embeds_redis) == (True, True)
    assert (found.bind, found.port, found.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert str(tmp_path) in found.redis_url


def test_a_port_that_a_host_assigns_is_served_to_the_outside(tmp_path):
    assert load(tmp_path, PORT="10000").bind == "0.0.0.0"
    assert load(tmp_path, PORT="10000", RIGLINE_BIND="127.0.0.1").bind == "127.0.0.1"


def test_the_secret_key_is_made_once_and_is_private(tmp_path):
    first, second = load(tmp_path), load(tmp_path)

    assert first.secret_key == second.secret_key
    assert len(first.secret_key.get_secret_value()) >= 32
    assert stat.S_IMODE((tmp_path / "data/secret-key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_command_that_only_looks_writes_nothing(tmp_path):
    Settings.load({"RIGLINE_DATA_DIR": str(tmp_path / "data")}, keeps_secret_key=False)

    assert not (tmp_path / "data").exists()


def test_a_shared_database_needs_a_shared_secret_key(tmp_path):
    without = {name: value for name, value in SHARED.items() if name != "RIGLINE_SECRET_KEY"}

    with pytest.raises(StartupError, match="RIGLINE_SECRET_KEY is not set"):
        load(tmp_path, **without)


def test_a_list_is_split_at_commas(tmp_path):
    found = load(tmp_path, RIGLINE_GITHUB_WEBHOOK_SECRETS="new, old", RIGLINE_ALLOWED_REMOTES="http://git.local/")

    assert [secret.get_secret_value() for secret in found.github_webhook_secrets] == ["new", "old"]
    assert found.allowed_remotes == ("http://git.local/",)


@pytest.mark.parametrize("empty", ["", " ", "one,", ",one", "one,,two"])
@pytest.mark.parametrize("forge", ["GITHUB", "GITLAB"])
def test_an_empty_webhook_secret_is_refused(tmp_path, forge, empty):
    name = f"RIGLINE_{forge}_WEBHOOK_SECRETS"

    with pytest.raises(StartupError, match=name):
        load(tmp_path, **{name: empty})


@pytest.mark.parametrize("empty", ["", "https://git.local/,", ","])
def test_an_empty_prefix_is_refused_because_every_address_begins_with_it(tmp_path, empty):
    with pytest.raises(StartupError, match="RIGLINE_ALLOWED_REMOTES"):
        load(tmp_path, RIGLINE_ALLOWED_REMOTES=empty)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_may_be_in_a_file(tmp_path, name):
    file = tmp_path / "secret"
    file.write_text(f"{SHARED.get(name, 'hidden')}\n")
    given = {**SHARED, f"{name}_FILE": str(file)}
    given.pop(name, None)

    found = load(tmp_path, **given)

    field = next(key for key, value in Settings.model_fields.items() if value.alias == name)
    value = getattr(found, field)
    value = value[0] if isinstance(value, tuple) else value
    assert (value if isinstance(value, str) else value.get_secret_value()) == SHARED.get(name, "hidden")


def test_a_secret_given_twice_is_refused(tmp_path):
    with pytest.raises(StartupError, match="RIGLINE_GITHUB_TOKEN and RIGLINE_GITHUB_TOKEN_FILE are both set"):
        load(tmp_path, RIGLINE_GITHUB_TOKEN="one", RIGLINE_GITHUB_TOKEN_FILE="/somewhere")


def test_a_missing_secret_file_is_named(tmp_path):
    with pytest.raises(StartupError, match=r"RIGLINE_GITHUB_TOKEN_FILE: cannot read /nowhere"):
        load(tmp_path, RIGLINE_GITHUB_TOKEN_FILE="/nowhere")


def test_a_huge_secret_file_is_refused(tmp_path):
    (tmp_path / "huge").write_bytes(b"x" * 70_000)

    with pytest.raises(StartupError, match="is larger than"):
        load(tmp_path, RIGLINE_GITHUB_TOKEN_FILE=str(tmp_path / "huge"))


def test_a_key_on_one_line_gets_its_line_breaks_back(tmp_path):
    found = load(tmp_path, RIGLINE_GITHUB_PRIVATE_KEY=r"-----BEGIN\nabc\n-----END")

    assert found.github_private_key.get_secret_value().count("\n") == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("RIGLINE_PUBLIC_URL", "ftp://hidden"),
        ("RIGLINE_GITHUB_API_URL", "https://user:hidden@github.example"),
        ("RIGLINE_GITLAB_URL", "hidden"),
        ("RIGLINE_GITLAB_TOKEN", " "),
        ("RIGLINE_GITHUB_APP_ID", "not a number; hidden"),
        ("DATABASE_URL", ""),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_repeated(tmp_path, name, value):
    with pytest.raises(StartupError) as refusal:
        load(tmp_path, **{**SHARED, name: value})

    assert str(refusal.value).startswith(f"{name}: ")
    assert "docs/reference/settings.md" in str(refusal.value)
    assert "hidden" not in str(refusal.value)


def test_settings_shown_in_a_trace_hold_no_secret(tmp_path):
    secret = "hidden-in-traces"
    names = SECRETS - {"DATABASE_URL", "REDIS_URL"}

    found = load(
        tmp_path,
        DATABASE_URL=f"postgres://user:{secret}@db/name",
        REDIS_URL=f"redis://:{secret}@cache",
        **dict.fromkeys(names, secret),
    )

    assert secret not in repr(found) + str(found)
