"""Take an instance away: only what its installation and its service made, and its data only when that is meant."""

import shutil
from collections.abc import Callable
from pathlib import Path

from app.instance import account, systemd
from app.instance.place import InstanceError, Place

Tell = Callable[[str], None]

KEPT_WITH_DATA = ("data", "etc")  # the settings hold the key that the data is sealed with


def uninstall(place: Place, *, keep_data: bool, tell: Tell) -> list[Path]:
    """Remove an instance that is stopped; return what is left in its folder because it is not ours.

    Args:
        keep_data: leave data and settings; `rigline install` into the same folder goes on with them.
    Raises:
        InstanceError: it is no instance.
    """
    manifest = place.installed()
    if manifest.unit:
        _remove_unit(manifest.unit, place, tell)
    tell("remove the code and the logs" + ("; keep data and settings" if keep_data else ", the data and the settings"))
    for link in (place.venv, place.program, place.manifest):
        link.unlink(missing_ok=True)
    folders = [place.versions, place.logs, place.prefix / "tmp"]
    if not keep_data:
        folders.append(place.data)
        _remove_settings(place)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    if manifest.made_account and manifest.account and not keep_data:
        tell(f"remove the account {manifest.account}")
        account.remove(manifest.account)
    return _left(place, keep_data=keep_data)


def _remove_unit(unit: str, place: Place, tell: Tell) -> None:
    tell(f"remove {unit}")
    here = systemd.of(place.installed())
    if here is not None:
        try:
            here.run("disable")
        except InstanceError as problem:
            tell(str(problem))
    Path(unit).unlink(missing_ok=True)
    if here is not None:
        here.run("daemon-reload")


def _remove_settings(place: Place) -> None:
    """Remove the files of etc that we wrote, and no other."""
    etc = place.prefix / "etc"
    for name in ("rigline.env", "rigline.env.new", "ports", "install.json", "ssl/cert.pem", "ssl/key.pem"):
        (etc / name).unlink(missing_ok=True)


def _left(place: Place, *, keep_data: bool) -> list[Path]:
    """Remove folders that are empty now; return files that are not ours."""
    for folder in (place.prefix / "etc" / "ssl", place.prefix / "etc", place.prefix / "bin", place.prefix):
        try:
            folder.rmdir()
        except OSError:
            continue
    if not place.prefix.is_dir():
        return []
    kept = KEPT_WITH_DATA if keep_data else ()
    return sorted(each for each in place.prefix.iterdir() if each.name not in kept)
