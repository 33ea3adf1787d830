"""Every setting of the service, from the environment.

A secret may also be given by the name of a file that holds it, in the variable with `_FILE`.
"""

import contextlib
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from app import environment
from app.errors import StartupError
from app.journal import LogFormat, LogLevel
from builders.protocol import Level

FILE_LIMIT = 64 * 1024  # bytes; a larger file is no secret
SOCKET_PATH_LIMIT = 107  # bytes, of sockaddr_un on Linux
LONGEST_SOCKET = len("/.s.PGSQL.5432")


def _split(given: object) -> object:
    """Split a comma separated list; an empty item is a mistake, above all as a secret."""
    if not isinstance(given, str):
        return given
    items = [item.strip() for item in given.split(",")]
    if not all(items):
        raise ValueError("holds an empty item; remove it, or unset the variable")
    return items


def _bytes(given: object) -> object:
    """Read an amount such as 20G; a bare number is bytes."""
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(i?B)?", given.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError("write an amount such as 20G")
    return int(found[1]) << 10 * " KMGT".index(found[2].upper() or " ")


def _web_address(given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http: or https: address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user, password, query or fragment; tokens have settings of their own")
    return given.rstrip("/")


def _filled(given: SecretStr) -> SecretStr:
    if not given.get_secret_value().strip():
        raise ValueError("is empty; give a value, or unset the variable")
    return given


def _pem(given: object) -> object:
    """Accept a key on one line too: many hosts allow no line breaks in a variable."""
    return given.replace("\\n", "\n") if isinstance(given, str) else given


Secret = Annotated[SecretStr, AfterValidator(_filled)]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(_split)]
Address = Annotated[str, AfterValidator(_web_address)]
Network = IPv4Network | IPv6Network


class Settings(BaseModel):
    """What one process of the service was told. Constructed by `load`, and directly in tests."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, hide_input_in_errors=True)

    database_url: str = Field(alias="DATABASE_URL", repr=False, min_length=1)
    redis_url: str = Field(alias="REDIS_URL", repr=False, min_length=1)
    embeds_postgres: bool = False  # no DATABASE_URL was given: `rigline serve` runs the server at database_url
    embeds_redis: bool = False
    port: int = Field(8000, alias="PORT", ge=0, le=65535)
    bind: str = Field("127.0.0.1", alias="RIGLINE_BIND", min_length=1)
    data_dir: Path = Field(alias="RIGLINE_DATA_DIR")
    log_dir: Path | None = Field(None, alias="RIGLINE_LOG_DIR")
    workers: int = Field(1, alias="RIGLINE_WORKERS", ge=0, le=64)
    tls_cert: Path | None = Field(None, alias="RIGLINE_TLS_CERT")
    tls_key: Path | None = Field(None, alias="RIGLINE_TLS_KEY")
    redirect_port: int | None = Field(None, alias="RIGLINE_REDIRECT_PORT", ge=1, le=65535)
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_split)] = Field(
        (), alias="RIGLINE_TRUSTED_PROXIES"
    )
    public_url: Address = Field(alias="RIGLINE_PUBLIC_URL")
    secret_key: Secret = Field(alias="RIGLINE_SECRET_KEY")
    postgres_bin: Path | None = Field(None, alias="RIGLINE_POSTGRES_BIN")
    github_api_url: Address = Field("https://api.github.com", alias="RIGLINE_GITHUB_API_URL")
    github_webhook_secrets: Secrets = Field((), alias="RIGLINE_GITHUB_WEBHOOK_SECRETS")
    github_token: Secret | None = Field(None, alias="RIGLINE_GITHUB_TOKEN")
    github_app_id: str | None = Field(None, alias="RIGLINE_GITHUB_APP_ID", pattern=r"^\w+$")
    github_private_key: Annotated[Secret | None, BeforeValidator(_pem)] = Field(
        None, alias="RIGLINE_GITHUB_PRIVATE_KEY"
    )
    gitlab_url: Address = Field("https://gitlab.com", alias="RIGLINE_GITLAB_URL")
    gitlab_webhook_secrets: Secrets = Field((), alias="RIGLINE_GITLAB_WEBHOOK_SECRETS")
    gitlab_signing_keys: Secrets = Field((), alias="RIGLINE_GITLAB_SIGNING_KEYS")
    gitlab_token: Secret | None = Field(None, alias="RIGLINE_GITLAB_TOKEN")
    github_client_id: str | None = Field(None, alias="RIGLINE_GITHUB_CLIENT_ID", pattern=r"^[\w.-]+$")
    github_client_secret: Secret | None = Field(None, alias="RIGLINE_GITHUB_CLIENT_SECRET")
    gitlab_client_id: str | None = Field(None, alias="RIGLINE_GITLAB_CLIENT_ID", pattern=r"^[\w.-]+$")
    gitlab_client_secret: Secret | None = Field(None, alias="RIGLINE_GITLAB_CLIENT_SECRET")
    sign_in: Literal["known", "repositories"] = Field("known", alias="RIGLINE_SIGN_IN")
    roles_from_forge: bool = Field(False, alias="RIGLINE_ROLES_FROM_FORGE")
    command_prefix: str = Field("/rig", alias="RIGLINE_COMMAND_PREFIX", pattern=r"^/[\w-]{1,30}$")
    ca_file: Path | None = Field(None, alias="RIGLINE_CA_FILE")
    outsider_commits: int = Field(10, alias="RIGLINE_OUTSIDER_COMMITS", ge=0, le=100_000)
    outsider_commits_hourly: int = Field(30, alias="RIGLINE_OUTSIDER_COMMITS_HOURLY", ge=0, le=100_000)
    public: bool = Field(True, alias="RIGLINE_PUBLIC")
    keep_logs_days: int = Field(90, alias="RIGLINE_KEEP_LOGS_DAYS", ge=0)
    keep_artefacts_days: int = Field(30, alias="RIGLINE_KEEP_ARTEFACTS_DAYS", ge=0)
    keep_samples_days: int = Field(365, alias="RIGLINE_KEEP_SAMPLES_DAYS", ge=0)
    keep_results_days: int = Field(365, alias="RIGLINE_KEEP_RESULTS_DAYS", ge=0)
    keep_pipelines_days: int = Field(0, alias="RIGLINE_KEEP_PIPELINES_DAYS", ge=0)
    keep_deliveries_days: int = Field(90, alias="RIGLINE_KEEP_DELIVERIES_DAYS", ge=0)
    keep_audit_days: int = Field(0, alias="RIGLINE_KEEP_AUDIT_DAYS", ge=0)
    backup_dir: Path | None = Field(None, alias="RIGLINE_BACKUP_DIR")
    backup_schedule: str = Field("nightly", alias="RIGLINE_BACKUP_SCHEDULE", min_length=1, max_length=100)
    backup_passphrase: Secret | None = Field(None, alias="RIGLINE_BACKUP_PASSPHRASE")
    keep_backups_days: int = Field(7, alias="RIGLINE_KEEP_BACKUPS_DAYS", ge=1, le=10_000)
    keep_backups_weeks: int = Field(4, alias="RIGLINE_KEEP_BACKUPS_WEEKS", ge=0, le=10_000)
    log_store_bytes: Annotated[int, BeforeValidator(_bytes)] = Field(50 << 30, alias="RIGLINE_LOG_STORE", ge=0)
    allowed_remotes: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field((), alias="RIGLINE_ALLOWED_REMOTES")
    history_branches: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field((), alias="RIGLINE_HISTORY_BRANCHES")
    session_idle_hours: int = Field(72, alias="RIGLINE_SESSION_IDLE_HOURS", ge=1, le=8760)
    session_days: int = Field(30, alias="RIGLINE_SESSION_DAYS", ge=1, le=365)
    smtp_url: Secret | None = Field(None, alias="RIGLINE_SMTP_URL")
    mail_from: str | None = Field(None, alias="RIGLINE_MAIL_FROM", pattern=r"^[^\s@<>,]+@[^\s@<>,]+$", max_length=254)
    notify_hosts: Annotated[tuple[str, ...], BeforeValidator(_split)] = Field((), alias="RIGLINE_NOTIFY_HOSTS")

    log_format: LogFormat = Field(LogFormat.TEXT, alias="RIGLINE_LOG_FORMAT")
    log_level: LogLevel = Field(LogLevel.INFO, alias="RIGLINE_LOG_LEVEL")
    drain_s: float = Field(0.0, alias="RIGLINE_DRAIN_S", ge=0, le=600)
    queue_limit_s: float = Field(24 * 3600.0, alias="RIGLINE_QUEUE_LIMIT_S", gt=0)
    builder_away_s: float = Field(3600.0, alias="RIGLINE_BUILDER_AWAY_S", gt=0)
    fork_isolation: Level = Field(Level.NAMESPACES, alias="RIGLINE_FORK_ISOLATION")
    cap_fork_owner: int = Field(4, alias="RIGLINE_CAP_FORK_OWNER", ge=0)
    cap_pull_request: int = Field(0, alias="RIGLINE_CAP_PULL_REQUEST", ge=0)
    cap_repository: int = Field(0, alias="RIGLINE_CAP_REPOSITORY", ge=0)

    @property
    def caps(self) -> dict[str, int]:
        """Say how many boards a share may hold at a time, by the names of a repository's columns; 0 is no cap."""
        names = ("cap_fork_owner", "cap_pull_request", "cap_repository")
        return {name: getattr(self, name) for name in names}

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("RIGLINE_TLS_CERT and RIGLINE_TLS_KEY belong together; set both or none")
        if self.redirect_port and self.tls_cert is None:
            raise ValueError("RIGLINE_REDIRECT_PORT leads to HTTPS, which needs RIGLINE_TLS_CERT and RIGLINE_TLS_KEY")
        return self

    @property
    def socket(self) -> Path:
        """Where the service listens for local clients; who may open it is admin."""
        return self.data_dir / "rigline.sock"

    def is_connected(self, forge: str) -> bool:
        """Say whether there is anything here to speak with a forge, or to know its deliveries by."""
        known = {
            "github": (self.github_token, self.github_app_id, self.github_webhook_secrets),
            "gitlab": (self.gitlab_token, self.gitlab_webhook_secrets, self.gitlab_signing_keys),
        }
        return any(known.get(forge, ()))

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, keeps_secret_key: bool = True) -> Self:
        """Read the environment.

        Args:
            keeps_secret_key: make and store a secret key if the embedded default has none yet,
                and insist on one otherwise; False for commands that only look at the database.
        Raises:
            StartupError: a setting is missing or wrong; names the variable and what to do.
        """
        try:
            given = _given(environment.everything() if environ is None else environ)
        except environment.BadFile as problem:
            raise StartupError(str(problem)) from None
        given.update(_derived(given))
        given.setdefault("RIGLINE_SECRET_KEY", _secret_key(given, keep=keeps_secret_key))
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise StartupError(_explained(error)) from None


SECRETS = {  # those that may be given as NAME_FILE
    "DATABASE_URL",
    "REDIS_URL",
    "RIGLINE_SECRET_KEY",
    "RIGLINE_GITHUB_WEBHOOK_SECRETS",
    "RIGLINE_GITHUB_TOKEN",
    "RIGLINE_GITHUB_PRIVATE_KEY",
    "RIGLINE_GITLAB_WEBHOOK_SECRETS",
    "RIGLINE_GITLAB_SIGNING_KEYS",
    "RIGLINE_GITLAB_TOKEN",
    "RIGLINE_GITHUB_CLIENT_SECRET",
    "RIGLINE_GITLAB_CLIENT_SECRET",
    "RIGLINE_SMTP_URL",
    "RIGLINE_BACKUP_PASSPHRASE",
}
VARIABLES = {field.alias for field in Settings.model_fields.values() if field.alias}


def known_secret_key(environ: Mapping[str, str] | None = None) -> str | None:
    """Read the secret key that the service of this environment uses; None if none was ever made or given.

    Raises:
        StartupError: it is there and cannot be read.
    """
    given = _given(environment.everything() if environ is None else environ)
    file = Path(given.get("RIGLINE_DATA_DIR") or ".rigline").absolute() / "secret-key"
    if "RIGLINE_SECRET_KEY" in given:
        return str(given["RIGLINE_SECRET_KEY"])
    return _file("the secret key", file) if "DATABASE_URL" not in given and file.exists() else None


def keep_secret_key(data_dir: Path, key: str) -> None:
    """Keep a key in the data directory of a service that has none yet."""
    make_private(data_dir)
    _kept(data_dir / "secret-key", key)


def socket_folder(data_dir: Path) -> Path:
    """Name the folder for the embedded servers' sockets; always the same for one data directory.

    Below the data directory if a socket's path fits there, else a short one in the folder
    for temporary files.
    """
    near = data_dir.absolute() / "run"
    if len(os.fsencode(near)) + LONGEST_SOCKET <= SOCKET_PATH_LIMIT:
        return near
    digest = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"rigline-{os.geteuid()}-{digest}")


def embedded_database_url(data_dir: Path) -> str:
    """Name the address of the PostgreSQL that `rigline serve` runs for a data directory."""
    return f"postgresql+asyncpg://rigline@/postgres?host={quote(str(socket_folder(data_dir)), safe='')}"


def embedded_redis_url(data_dir: Path) -> str:
    """Name the address of the Valkey that `rigline serve` runs for a data directory."""
    return f"unix://{quote(str(socket_folder(data_dir)))}/redis.sock"


def _given(environ: Mapping[str, str]) -> dict[str, Any]:
    """Take our variables, secrets also from their files."""
    given: dict[str, Any] = {name: environ[name] for name in VARIABLES if name in environ}
    for name in SECRETS:
        if f"{name}_FILE" not in environ:
            continue
        if name in given:
            raise StartupError(f"{name} and {name}_FILE are both set; unset one of them.")
        given[name] = _file(f"{name}_FILE", Path(environ[f"{name}_FILE"]))
    return given


def _file(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
        if len(content) > FILE_LIMIT:
            raise StartupError(f"{variable}: {path} is larger than {FILE_LIMIT} bytes; that is no secret.")
        return content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{variable}: cannot read {path}: {error}") from None


def _derived(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what follows from the other settings."""
    data_dir = Path(given.get("RIGLINE_DATA_DIR") or ".rigline").absolute()
    hosted = "PORT" in given  # a host that assigns the port sends its traffic from outside
    scheme = "https" if given.get("RIGLINE_TLS_CERT") else "http"
    return {
        "RIGLINE_DATA_DIR": data_dir,
        "RIGLINE_BIND": given.get("RIGLINE_BIND", "0.0.0.0" if hosted else "127.0.0.1"),  # noqa: S104
        "RIGLINE_PUBLIC_URL": given.get("RIGLINE_PUBLIC_URL", f"{scheme}://127.0.0.1:{given.get('PORT', 8000)}"),
        "DATABASE_URL": given.get("DATABASE_URL", embedded_database_url(data_dir)),
        "REDIS_URL": given.get("REDIS_URL", embedded_redis_url(data_dir)),
        "embeds_postgres": "DATABASE_URL" not in given,
        "embeds_redis": "REDIS_URL" not in given,
    }


def _secret_key(given: Mapping[str, Any], *, keep: bool) -> str:
    """Read the embedded default's key, made once and kept in a file of mode 0600."""
    file: Path = given["RIGLINE_DATA_DIR"] / "secret-key"
    if "RIGLINE_SECRET_KEY" in given or not keep:
        return secrets.token_urlsafe(32)
    if file.exists():
        return file.read_text().strip()
    if not given["embeds_postgres"]:
        raise StartupError(
            "RIGLINE_SECRET_KEY is not set. Every process of the service needs the same one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    make_private(file.parent)
    return _kept(file, secrets.token_urlsafe(32))


def _kept(file: Path, key: str) -> str:
    """Write a new key whole or not at all; when another process was first, its key counts."""
    part = file.with_suffix(f".{os.getpid()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as new:
        new.write(key)
    with contextlib.suppress(FileExistsError):
        os.link(part, file)
    part.unlink()
    return file.read_text().strip()


def make_private(folder: Path) -> None:
    """Make a folder of mode 0700; one that exists stays as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _explained(error: ValidationError) -> str:
    wrong = [
        ": ".join((*map(str, fault["loc"][:1]), fault["msg"].removeprefix("Value error, "))) for fault in error.errors()
    ]
    return "\n".join(wrong) + "\ndocs/reference/settings.md explains each setting."
