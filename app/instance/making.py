"""Install an instance, step by step; what fails is undone."""

import os
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from app import environment
from app.instance import account, code, ports, settings_file, systemd
from app.instance.place import FOLDERS, InstanceError, Manifest, Place, written

NEW_SETTINGS = "rigline.env.new"
PROGRAM = """\
#!/bin/sh
# The command `rigline` of the instance in this folder: it reads the settings below etc/.
RIGLINE_PREFIX={prefix} exec {python} -P -m app.cli.entry "$@"
"""

Tell = Callable[[str], None]
Undo = list[Callable[[], object]]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for."""

    source: Path | None = None  # a checkout, a wheel or an sdist
    environment: Path | None = None  # an environment that is there already, instead
    python: Path | None = None  # what environments are made with
    name: str | None = None
    port: int | None = None
    bind: str | None = None
    public_url: str | None = None
    tls: str = "self-signed"  # or "off", or "own" with the two files
    cert: Path | None = None
    key: Path | None = None
    account: str | None = None
    systemd: bool = False


def install(place: Place, wish: Wish, tell: Tell) -> Manifest:
    """Make an instance in an empty or missing folder, or in one where an installation broke off.

    Raises:
        InstanceError: a step failed; what was made is gone again.
    """
    manifest = Manifest(name=wish.name or _name(place), version="", source="", account=wish.account)
    with _undoing() as undo:
        _folders(place, undo, tell)
        manifest = _account(manifest, undo, tell)
        manifest = bring_code(place, manifest, wish, undo, tell)
        if manifest.account:
            account.check_reach(manifest.account, place.python)
        found = ports.read(place) if place.ports.exists() else _ports(place, wish)
        tell(f"keep the port{'s' * (len(found) > 1)} {', '.join(str(each) for each in found.values())} in etc/ports")
        ports.write(place, found)
        manifest = _certificate(place, manifest, wish, tell)
        _settings(place, wish, found["PORT"], tell)
        if manifest.account:
            account.give(place, manifest.account)
        if wish.systemd:
            manifest = unit(place, manifest, undo, tell)
        place.record(manifest)
    return manifest


def bring_code(place: Place, manifest: Manifest, wish: Wish, undo: Undo, tell: Tell) -> Manifest:
    """Bring the code into place, and let `venv` and `bin/rigline` lead to it."""
    before = place.venv.readlink() if place.venv.is_symlink() else None
    undo.append(lambda: code.point(place, place.prefix / before) if before else place.venv.unlink(missing_ok=True))
    if wish.environment is not None:
        folder = Path(wish.environment).absolute()
        if not (folder / "bin" / "python").exists():
            raise InstanceError(f"{folder} is no environment: it has no bin/python.")
        tell(f"use the environment in {folder}")
        manifest = replace(manifest, version=str(folder), source=str(folder), own_environment=False)
    else:
        folder, manifest = own_environment(place, manifest, wish, undo, tell)
    code.point(place, folder)
    write_program(place)
    return manifest


def unit(place: Place, manifest: Manifest, undo: Undo, tell: Tell) -> Manifest:
    """Write the unit of systemd, and let it start with the machine where a systemd answers."""
    for_user = manifest.user_unit or os.geteuid() != 0
    file = systemd.file_for(manifest.name, for_user=for_user)
    manifest = replace(manifest, unit=str(file), user_unit=for_user)
    if file.exists() and str(place.prefix) not in file.read_text(encoding="utf-8"):
        raise InstanceError(f"{file} is another instance's. Give this one another --name.")
    tell(f"write {file}")
    existed = file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    if not existed:
        undo.append(lambda: file.unlink(missing_ok=True))
    written(file, systemd.text(place, manifest, port=min(ports.read(place).values())), mode=0o644)
    if (here := systemd.of(manifest)) is None:
        tell("no systemd answers here: the unit is written and not enabled")
        return manifest
    here.run("daemon-reload")
    here.run("enable")
    return manifest


def urls(place: Place) -> list[str]:
    """Name the addresses that an instance is reached at, the public one first."""
    given = environment.of_instance(place.prefix)
    scheme = "https" if given.get("RIGLINE_TLS_CERT") else "http"
    bind = given.get("RIGLINE_BIND", "0.0.0.0")  # noqa: S104  # what web does when PORT is set
    host = "127.0.0.1" if bind in ("0.0.0.0", "::") else bind  # noqa: S104
    near = f"{scheme}://{f'[{host}]' if ':' in host else host}:{given['PORT']}"
    public = given.get("RIGLINE_PUBLIC_URL", near).rstrip("/")
    return [public] if public == near else [public, near]


def _ports(place: Place, wish: Wish) -> dict[str, int]:
    return ports.find(place, tls=wish.tls != "off", wanted=wish.port)


def own_environment(place: Place, manifest: Manifest, wish: Wish, undo: Undo, tell: Tell) -> tuple[Path, Manifest]:
    """Make the environment of a source below `versions`; the code of an upgrade is no other."""
    given = wish.source or code.of_this_code()
    if given is None:
        raise InstanceError("Say where the code comes from: --from CHECKOUT, or the wheel or .tar.gz of a release.")
    python = code.usable_python(wish.python)
    with code.opened(given.absolute(), python) as source:
        folder = place.versions / source.version
        if not folder.exists():
            undo.append(lambda: shutil.rmtree(folder, ignore_errors=True))
        code.make(place, source, python=python, tell=tell)
        return folder, replace(manifest, version=source.version, source=str(given.absolute()), own_environment=True)


def write_program(place: Place) -> None:
    """Write the command `rigline` of the instance."""
    words = {"prefix": shlex.quote(str(place.prefix)), "python": shlex.quote(str(place.python))}
    written(place.program, PROGRAM.format(**words), mode=0o755)


def _folders(place: Place, undo: Undo, tell: Tell) -> None:
    """Make the tree; folders that are there stay as they are, also when the installation fails."""
    strange = [each.name for each in place.prefix.iterdir()] if place.prefix.is_dir() else []
    if set(strange) - {*FOLDERS, "venv", "versions", "venv.part"}:
        raise InstanceError(f"{place.prefix} is not empty and no instance of Rigline. Choose another --prefix.")
    tell(f"make the folders below {place.prefix}")
    made = [each for each in (place.prefix, *(place.prefix / name for name in FOLDERS)) if not each.exists()]
    undo.append(lambda: _remove(place, made))
    for folder in made:
        private = folder.name in ("data", "logs", "tmp") and folder != place.prefix
        folder.mkdir(parents=True, mode=0o700 if private else 0o755, exist_ok=True)
        folder.chmod(0o700 if private else 0o755)
    (place.prefix / "etc" / "ssl").mkdir(exist_ok=True)


def _remove(place: Place, made: list[Path]) -> None:
    """Take back what this installation made; what was there before stays."""
    for folder in sorted(made, key=lambda each: len(each.parts), reverse=True):
        if folder != place.prefix:
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(place.versions, ignore_errors=True) if place.prefix in made else None
    if place.prefix in made:
        shutil.rmtree(place.prefix, ignore_errors=True)


def _account(manifest: Manifest, undo: Undo, tell: Tell) -> Manifest:
    if manifest.account is None:
        return manifest
    name = manifest.account
    if not account.ensure(name):
        return manifest
    tell(f"make the system account {name}, without a shell or a home")
    undo.append(lambda: account.remove(name))
    return replace(manifest, made_account=True)


def _certificate(place: Place, manifest: Manifest, wish: Wish, tell: Tell) -> Manifest:
    """Make a self-signed certificate, or take the owner's; one that is there already stays."""
    if wish.tls == "off" or place.certificate.exists():
        return manifest
    if wish.cert and wish.key:
        tell("copy the certificate and its key to etc/ssl")
        written(place.key, wish.key.read_text(encoding="utf-8"), mode=0o600)
        written(place.certificate, wish.cert.read_text(encoding="utf-8"), mode=0o644)
        return manifest
    tell("make a self-signed certificate, until you put your own into etc/ssl")
    folder = place.certificate.parent
    words: list[str | Path] = [place.python, "-P", "-m", "app.instance.certificate", folder, *_names(wish)]
    code.run(words, what="making a certificate", cwd=folder)
    return replace(manifest, certificate=True)


def _names(wish: Wish) -> list[str]:
    """Name what the certificate is for: this machine, by all its usual names."""
    host = _host(wish)
    return list(dict.fromkeys((host, socket.gethostname(), "localhost", "127.0.0.1", "::1")))


def _host(wish: Wish) -> str:
    """Name this machine as others may reach it."""
    given = urlsplit(wish.public_url).hostname if wish.public_url else None
    return given or (wish.bind if wish.bind not in (None, "0.0.0.0", "::") else None) or _machine()  # noqa: S104


def _machine() -> str:
    """Name this machine; some have a full name that only they themselves know."""
    full = socket.getfqdn()
    return socket.gethostname() if full.startswith("localhost") else full


def _settings(place: Place, wish: Wish, port: int, tell: Tell) -> None:
    """Write the settings once; ever after only the remarks of the version, beside them."""
    plain = wish.tls == "off"
    bind = wish.bind or ("127.0.0.1" if plain else "0.0.0.0")  # noqa: S104  # plain HTTP is for a proxy on this machine
    scheme = "http" if plain else "https"
    host = _host(wish) if not plain or wish.bind else "127.0.0.1"
    given = {
        "RIGLINE_PUBLIC_URL": wish.public_url or f"{scheme}://{host}:{port}",
        "RIGLINE_BIND": bind,
        "RIGLINE_SECRET_KEY": settings_file.new_secret(),
    }
    if not plain:
        given |= {"RIGLINE_TLS_CERT": str(place.certificate), "RIGLINE_TLS_KEY": str(place.key)}
    if not place.settings.exists():
        tell("write etc/rigline.env with a secret key of its own")
        written(place.settings, settings_file.text(str(place.prefix), given), mode=0o600)
    write_new_settings(place)


def write_new_settings(place: Place) -> None:
    """Write the remarks of the installed version beside the settings."""
    written(place.settings.with_name(NEW_SETTINGS), settings_file.text(str(place.prefix), {}), mode=0o644)


def _name(place: Place) -> str:
    """Name an instance after its folder."""
    name = place.prefix.name.lstrip(".")
    kept = "".join(each if each.isalnum() or each in "-_" else "-" for each in name).strip("-")
    return kept or "rigline"


@contextmanager
def _undoing() -> Iterator[Undo]:
    """Undo in reverse order what was done, when a step fails or is broken off."""
    undo: Undo = []
    try:
        yield undo
    except BaseException:
        for step in reversed(undo):
            try:
                step()
            except (OSError, InstanceError):
                continue
        raise
