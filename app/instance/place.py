"""Where the parts of an instance are, and what is known about it.

An instance is one folder, the prefix. Nothing of it is outside but a systemd unit and an account, when these were asked
for; both are in the manifest, which says what `uninstall` removes.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

LONGEST = 84  # bytes of a prefix: PREFIX/data/run/.s.PGSQL.5432 has to fit into the address of a socket
SYSTEM = Path("/opt/rigline")
FOLDERS = ("bin", "etc", "data", "logs", "tmp")


class InstanceError(Exception):
    """Something about an instance cannot be done; the text says what, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was installed. Kept as JSON in `etc/install.json`."""

    name: str  # of the instance: of its unit, and in messages
    version: str  # the folder below `versions` that `venv` leads to
    source: str  # where the code came from: a checkout, a wheel or an archive
    own_environment: bool = True  # False: `venv` leads to one that was there before
    account: str | None = None  # the system account that the service runs as
    made_account: bool = False  # we made it, and remove it
    unit: str | None = None  # file of the systemd unit
    user_unit: bool = False  # of the systemd of a user, not of the system
    certificate: bool = False  # the certificate is ours, self-signed


@dataclass(frozen=True)
class Place:
    """The folder of an instance."""

    prefix: Path

    @property
    def program(self) -> Path:
        """The command `rigline` of this instance."""
        return self.prefix / "bin" / "rigline"

    @property
    def venv(self) -> Path:
        """Link to the environment that runs."""
        return self.prefix / "venv"

    @property
    def python(self) -> Path:
        """The interpreter of the environment that runs."""
        return self.venv / "bin" / "python"

    @property
    def versions(self) -> Path:
        """Folder of the environments: the one that runs, and the one before."""
        return self.prefix / "versions"

    @property
    def settings(self) -> Path:
        """File of the settings, of mode 0600."""
        return self.prefix / "etc" / "rigline.env"

    @property
    def ports(self) -> Path:
        """File of the ports that were found free."""
        return self.prefix / "etc" / "ports"

    @property
    def certificate(self) -> Path:
        """The certificate, with those that signed it; `key.pem` beside it has its key."""
        return self.prefix / "etc" / "ssl" / "cert.pem"

    @property
    def key(self) -> Path:
        """The key of the certificate."""
        return self.certificate.with_name("key.pem")

    @property
    def manifest(self) -> Path:
        """File that says what was installed."""
        return self.prefix / "etc" / "install.json"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.prefix / "data"

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.prefix / "logs"

    @property
    def socket(self) -> Path:
        """Where the service listens for local clients."""
        return self.data / "rigline.sock"

    @property
    def backups(self) -> Path:
        """Folder of the backups that upgrades make."""
        return self.data / "backups"

    def temporary(self, name: str) -> Path:
        """Name a file that need not outlive the running processes."""
        return self.prefix / "tmp" / name

    def is_installed(self) -> bool:
        """Say whether there is an instance."""
        return self.manifest.exists()

    def installed(self) -> Manifest:
        """Read what was installed.

        Raises:
            InstanceError: nothing was, or not by us.
        """
        try:
            return Manifest(**json.loads(self.manifest.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InstanceError(f"There is no Rigline in {self.prefix}. Install it: rigline install") from None
        except (OSError, ValueError, TypeError) as problem:
            raise InstanceError(f"{self.manifest} cannot be read: {problem}") from None

    def record(self, manifest: Manifest) -> None:
        """Write what was installed, whole or not at all."""
        written(self.manifest, json.dumps(asdict(manifest), indent=2) + "\n", mode=0o644)

    def amend(self, **changes: object) -> Manifest:
        """Change some of what was recorded."""
        changed = replace(self.installed(), **changes)  # type: ignore[arg-type]  # names of its fields
        self.record(changed)
        return changed


def chosen(given: Path | None) -> Place:
    """Name the place of an instance: the given folder, else the default.

    Raises:
        InstanceError: its path is too long for the sockets in it.
    """
    prefix = Path(os.path.abspath(given or default()))
    if len(os.fsencode(prefix)) > LONGEST:
        raise InstanceError(f"{prefix} is too long a path for the sockets below it: at most {LONGEST} bytes.")
    return Place(prefix)


def default() -> Path:
    """Name the folder of an instance of which nobody said where it is."""
    return Path.home() / ".rigline"


def scratch(file: Path, flags: int) -> int:
    """Open a file in a folder that the service may write to, for root perhaps: never what a link there leads to."""
    return os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def written(file: Path, text: str, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Write a file in one step, so that nobody sees it half written, nor with wider rights for a moment."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as new:
        os.fchmod(new.fileno(), mode)  # whatever the umask says
        new.write(text)
    if owner is not None:
        os.chown(part, *owner)
    part.replace(file)
