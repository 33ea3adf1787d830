"""What a builder says of the machine it runs on."""

from __future__ import annotations

import os
import platform


def facts() -> dict[str, str]:
    """Say what this machine is."""
    return {
        "os": platform.system().lower(),
        **_platform(),
        "release": platform.release(),
        "machine": platform.machine(),
        "hostname": platform.node(),
        "python": platform.python_version(),
        "cpus": str(os.cpu_count() or 0),
    }


def _platform() -> dict[str, str]:
    """Name the distribution, what it is like, and its version.

    Source:
        os-release(5): ID, ID_LIKE (the closest first), VERSION_ID.
    """
    try:
        said = platform.freedesktop_os_release()
    except OSError:
        name = platform.system().lower()
        return {
            "platform": name,
            "platform_family": name,
            "platform_version": platform.mac_ver()[0] or platform.version(),
        }
    like = said.get("ID_LIKE", "").split()
    return {
        "platform": said["ID"],
        "platform_family": like[0] if like else said["ID"],
        "platform_version": said.get("VERSION_ID", ""),
    }
