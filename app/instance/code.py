"""The code of an instance: environments below `versions`, one for each state of the code, made whole or not at all.

The packages are exactly those of `requirements-server.lock`, with their hashes; nothing is asked but the package index.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.instance.place import InstanceError, Place, written

OLDEST = (3, 11)
LOCK = "requirements-server.lock"
LOCK_OF_WHEEL = "app/instance/requirements.lock"
PARTS = ("app", "builders", "integrations", "templates", LOCK, "pyproject.toml")
KEPT = 2  # environments: the one that runs, and the one to go back to
COMPLETE = "complete"  # file of an environment that was made to its end
BIGGEST = 200 << 20  # bytes of an unpacked archive

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an environment is made from."""

    given: Path  # a checkout, a wheel or an sdist, as it was named
    wish: Path  # what pip is asked to install: the checkout or the wheel
    lock: bytes
    version: str  # of Rigline, and of all that is installed together: the same files have the same version


@contextmanager
def opened(given: Path, python: Path) -> Iterator[Source]:
    """Look into a checkout, a wheel or an sdist, for an environment of some Python.

    Raises:
        InstanceError: it is none of them, or not Rigline's.
    """
    asked = run([python, "-c", "import sys; print(sys.version)"], what=str(python))  # another one needs other packages
    if given.suffix == ".whl":
        yield _wheel(given, asked)
    elif given.name.endswith(".tar.gz"):
        with tempfile.TemporaryDirectory(prefix="rigline-sdist-") as folder:
            yield _checkout(given, _unpacked(given, Path(folder)), asked)
    else:
        yield _checkout(given, given, asked)


def of_this_code() -> Path | None:
    """Name the checkout that this code runs from; None where it was installed from a wheel."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / LOCK).exists() else None


def make(place: Place, source: Source, *, python: Path, tell: Tell) -> Path:
    """Make the environment of a source below `versions`, unless it is there; return its folder.

    Raises:
        InstanceError: it could not be made; nothing of it is left.
    """
    folder = place.versions / source.version
    if (folder / COMPLETE).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    place.versions.mkdir(parents=True, exist_ok=True)
    try:
        tell("make an environment, and install the packages of the lock into it (about 180 MB)")
        _fill(folder, source, python)
        (folder / COMPLETE).touch()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def point(place: Place, folder: Path) -> None:
    """Let `venv` lead to an environment, in one step."""
    part = place.prefix / "venv.part"
    part.unlink(missing_ok=True)
    inside = folder.is_relative_to(place.prefix)
    part.symlink_to(folder.relative_to(place.prefix) if inside else folder)
    part.replace(place.venv)


def prune(place: Place) -> None:
    """Remove the environments before the last one."""
    current = place.venv.resolve()
    there = list(place.versions.iterdir()) if place.versions.is_dir() else []  # none when the environment is not ours
    found = sorted(there, key=lambda each: each.stat().st_mtime, reverse=True)
    for old in [each for each in found if each.resolve() != current][KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def run(words: Sequence[str | Path], *, what: str, cwd: Path | None = None) -> str:
    """Run a program to its end; return what it wrote.

    Raises:
        InstanceError: it failed; holds its last words.
    """
    argv = [str(word) for word in words]
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603  # our own argument list
    except OSError as problem:
        raise InstanceError(f"{what} failed: {argv[0]}: {problem.strerror}") from None
    if done.returncode:
        words_said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise InstanceError(f"{what} failed with status {done.returncode}:\n{words_said}")
    return done.stdout


def _fill(folder: Path, source: Source, python: Path) -> None:
    uv = shutil.which("uv")
    if uv:
        run([uv, "venv", "--quiet", "--no-python-downloads", "--python", python, folder], what="uv venv")
        compiling = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
        ]  # as pip does; the service may not write here
        install = [*compiling, "--python", str(folder / "bin" / "python")]
    else:
        run([python, "-m", "venv", folder], what="python -m venv (Debian, Ubuntu: apt-get install python3-venv)")
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _check_version(folder)
    lock = folder / LOCK
    written(lock, source.lock.decode(), mode=0o644)
    run([*install, "--require-hashes", "-r", lock], what="installing the packages")
    run([*install, "--no-deps", "--no-build-isolation", source.wish], what="installing Rigline", cwd=folder)


def _check_version(folder: Path) -> None:
    asked = "import sys; print(*sys.version_info[:2])"
    said = run([folder / "bin" / "python", "-c", asked], what="the environment's Python")
    if tuple(int(part) for part in said.split()) < OLDEST:
        raise InstanceError(f"Rigline needs Python 3.11 or newer, not {'.'.join(said.split())}. Name one by --python.")


def _checkout(given: Path, root: Path, python: str) -> Source:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lock = (root / LOCK).read_bytes()
    except (OSError, ValueError, KeyError):
        project, lock = {}, b""
    if project.get("name") != "rigline":
        raise InstanceError(f"{given} is no checkout of Rigline with {LOCK}, and no wheel or .tar.gz of it.")
    files = ((str(path.relative_to(root)), path.read_bytes()) for path in _files(root))
    return Source(given=given, wish=root, lock=lock, version=f"{project['version']}-{_digest(python, files)}")


def _files(root: Path) -> Iterator[Path]:
    for part in PARTS:
        found = [root / part] if (root / part).is_file() else sorted((root / part).rglob("*"))
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _wheel(given: Path, python: str) -> Source:
    try:
        with zipfile.ZipFile(given) as wheel:
            lock = wheel.read(LOCK_OF_WHEEL)
    except (OSError, zipfile.BadZipFile, KeyError):
        raise InstanceError(f"{given} is no wheel of Rigline.") from None
    name = given.name.split("-")
    digest = _digest(python, [(given.name, given.read_bytes())])
    return Source(given=given, wish=given, lock=lock, version=f"{name[1] if len(name) > 1 else '0'}-{digest}")


def _unpacked(given: Path, folder: Path) -> Path:
    try:
        with tarfile.open(given) as archive:
            if sum(member.size for member in archive.getmembers()) > BIGGEST:
                raise InstanceError(f"{given} unpacks to more than {BIGGEST >> 20} MiB.")
            archive.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as problem:
        raise InstanceError(f"{given} cannot be unpacked: {problem}") from None
    inside = [each for each in folder.iterdir() if each.is_dir()]
    return inside[0] if len(inside) == 1 else folder


def _digest(python: str, files: Iterable[tuple[str, bytes]]) -> str:
    """Name a state of the code for a Python."""
    digest = hashlib.sha256(python.encode())
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def usable_python(given: Path | None) -> Path:
    """Name the Python that environments are made with: the given one, else the one outside of this environment."""
    if given is not None:
        return Path(os.path.abspath(given))
    return Path(getattr(sys, "_base_executable", sys.executable))
