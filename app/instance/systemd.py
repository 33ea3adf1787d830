"""The systemd unit of an instance: written hardened, and spoken to where a systemd answers."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.instance.place import InstanceError, Manifest, Place
from builders.unit import quoted

WATCHDOG_S = 90  # a service that was silent for so long hangs
START_S, STOP_S = 600, 90  # a large migration may take its time; the parts of the service bound their ends
LOW_PORT = 1024  # below it only root, or who was given the capability, may listen
SYSTEM_UNITS, USER_UNITS = Path("/etc/systemd/system"), Path(".config/systemd/user")
# What the service never needs, each from systemd.exec(5). The sandbox of builders is not the service's business.
KEPT_FROM_ALL = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictNamespaces=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
    "UMask=0077",
)
KEPT_FROM_A_SYSTEM_UNIT = (  # a user's systemd cannot give these without user namespaces
    "ProtectSystem=strict",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "RemoveIPC=yes",
)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A written unit, and the systemd that has it."""

    name: str
    for_user: bool

    def run(self, verb: str) -> None:
        """Tell systemd to start, stop, enable … the unit.

        Raises:
            InstanceError: it did not work; says where to look.
        """
        done = _systemctl(self.for_user, verb, *([] if verb == "daemon-reload" else [self.name]))
        if done.returncode:
            where = f"journalctl {'--user ' if self.for_user else ''}-u {self.name}"
            raise InstanceError(f"systemctl {verb} {self.name}: {done.stderr.strip()}\n`{where}` says more.")

    def state(self) -> tuple[str, int | None, str]:
        """Say how the unit is: our word for its state, its process, and what the service says about itself."""
        asked = "--property=ActiveState,MainPID,StatusText"
        said = dict(
            line.partition("=")[::2] for line in _systemctl(self.for_user, "show", asked, self.name).stdout.splitlines()
        )
        words = {"active": "running", "activating": "starting", "deactivating": "stopping", "failed": "failed"}
        pid = int(said.get("MainPID") or 0)
        return words.get(said.get("ActiveState", ""), "stopped"), pid or None, said.get("StatusText", "")


def of(manifest: Manifest) -> Unit | None:
    """Name the unit of an instance; None if it has none, or no systemd answers that could run it."""
    if manifest.unit is None or not answers(for_user=manifest.user_unit):
        return None
    return Unit(name=Path(manifest.unit).name, for_user=manifest.user_unit)


def answers(*, for_user: bool) -> bool:
    """Ask whether there is a systemd that answers us: in a container there is often only its command."""
    return shutil.which("systemctl") is not None and _systemctl(for_user, "show-environment").returncode == 0


def file_for(name: str, *, for_user: bool) -> Path:
    """Name the file of an instance's unit."""
    folder = Path.home() / USER_UNITS if for_user else SYSTEM_UNITS
    return folder / (f"{name}.service" if name == "rigline" else f"rigline-{name}.service")


def text(place: Place, manifest: Manifest, *, port: int) -> str:
    """Write the unit of an instance."""
    for_user = manifest.user_unit
    low = port < LOW_PORT
    lines = [
        "[Unit]",
        f"Description=Rigline in {str(place.prefix).replace('%', '%%')}",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        "Type=notify",
        f"WatchdogSec={WATCHDOG_S}",
        *([f"User={manifest.account}"] if manifest.account and not for_user else []),
        f"ExecStart={quoted(str(place.program))} serve",
        "ExecReload=kill -HUP $MAINPID",  # reads a renewed certificate
        "Restart=on-failure",
        "RestartSec=5",
        "RestartPreventExitStatus=2",  # a wrong setting stays wrong
        f"TimeoutStartSec={START_S}",
        f"TimeoutStopSec={STOP_S}",
        "KillMode=mixed",  # the service ends its parts in order; what is left then is killed
        *_hardening(place, manifest, low=low),
        "",
        "[Install]",
        f"WantedBy={'default.target' if for_user else 'multi-user.target'}",
    ]
    return "\n".join(lines) + "\n"


def _hardening(place: Place, manifest: Manifest, *, low: bool) -> list[str]:
    """List what the service is kept from."""
    if manifest.user_unit:
        return list(KEPT_FROM_ALL)
    as_root = manifest.account is None  # PostgreSQL refuses root, and runs in a namespace of users then
    kept = [each for each in KEPT_FROM_ALL if not (as_root and each.startswith("RestrictNamespaces"))]
    needed = ["CAP_NET_BIND_SERVICE"] if low else []
    writes = " ".join(quoted(str(place.prefix / each)) for each in ("data", "logs", "tmp"))
    home = "read-only" if _is_in_a_home(place.prefix) else "yes"
    capabilities = [f"CapabilityBoundingSet={' '.join(needed)}"] if not as_root else []
    return [
        *kept,
        *KEPT_FROM_A_SYSTEM_UNIT,
        f"ProtectHome={home}",
        f"ReadWritePaths={writes}",
        *capabilities,
        *([f"AmbientCapabilities={needed[0]}"] if needed and not as_root else []),
    ]


def _is_in_a_home(prefix: Path) -> bool:
    return any(prefix.is_relative_to(home) for home in ("/home", "/root", "/run/user"))


def _systemctl(for_user: bool, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["systemctl", *(["--user"] if for_user else []), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603  # our own argument list
