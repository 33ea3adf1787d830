"""The systemd unit of an agent: how a lab machine starts it, watches it and ends it."""

from __future__ import annotations

from pathlib import Path

WATCHDOG_S = 90  # an agent that was silent for so long hangs: systemd kills and restarts it
STOP_S = 150  # seconds: the longest grace a configuration may ask for (120), and the report after it


def unit(*, name: str, program: Path, config: Path, token: Path, server: str, user: str | None) -> str:
    """Write the unit of one builder; `user` is None for a unit of the user's own systemd.

    The token is named by its file, so that neither the unit nor the process list shows it.
    """
    environment = {"RIGLINE_BUILDER_ID": name, "RIGLINE_BUILDER_TOKEN_FILE": str(token), "PYTHONUNBUFFERED": "1"}
    command = (program, "--config", config, "connect", "--server", server)
    lines = [
        "[Unit]",
        f"Description=Rigline builder {name}",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        "Type=notify",
        f"WatchdogSec={WATCHDOG_S}",
        *([f"User={user}"] if user else []),
        *(f"Environment={quoted(f'{key}={value}')}" for key, value in environment.items()),
        f"ExecStart={' '.join(quoted(str(each)) for each in command)}",
        "Restart=on-failure",
        "RestartSec=10",
        "KillMode=process",  # the jobs' processes outlive the agent, and the next one finds them
        f"TimeoutStopSec={STOP_S}",
        "Delegate=yes",
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if user else 'default.target'}",
    ]
    return "\n".join(lines) + "\n"


def quoted(word: str) -> str:
    """Write one word so that systemd takes it as it is (systemd.syntax(7): quotes, `\\`, `%` and `$`)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
