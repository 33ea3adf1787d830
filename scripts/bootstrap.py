"""Make .venv as requirements.lock says, then run one of the make targets. Standard library only.

Usage: python3 scripts/bootstrap.py TARGET [ARGUMENT …]

Everything stays in the folder .venv: nothing is installed on the machine.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
CROSSCHECK_LOCK = ROOT / "requirements-crosscheck.lock"
SERVER_LOCK = ROOT / "requirements-server.lock"  # what `rigline install` puts into an instance
MADE_FROM = VENV / "made-from"  # says which lock, project file and Python the environment has
WITH_DATABASE = [
    "tests/ground",
    "tests/dispatch",
    "tests/specs",
    "tests/forges",
    "tests/results",
    "tests/api",
    "tests/backup",
]
TESTS_FAILED, FEW = 1, 5  # pytest's exit status; so many tests are run once more
MACHINE_POSTGRES = 15  # the oldest that we support
PARALLEL = [
    "-n",
    "auto",
    "--dist",
    "worksteal",
]  # tests/conftest.py counts the workers; `-n0` among the arguments: none


def main(target: str, arguments: Sequence[str]) -> int:
    """Run a target; return its exit status."""
    os.chdir(ROOT)
    os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")  # the machine's Python, or a clear refusal
    os.environ.pop("VIRTUAL_ENV", None)
    if target not in TARGETS:
        return refuse(f"there is no target {target}; there are: {', '.join(TARGETS)}")
    if target == "install":
        return install_instance(list(arguments))
    make_environment()
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return TARGETS[target](list(arguments))


def make_environment() -> None:
    """Bring .venv up to date; quick when nothing changed."""
    wanted = fingerprint()
    if is_made_from(wanted):
        return
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second one waits
        if not is_made_from(wanted):
            install(wanted)


def fingerprint() -> str:
    """Name what an environment depends on."""
    parts = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def is_made_from(wanted: str) -> bool:
    """Say whether the environment is the wanted one."""
    return PYTHON.exists() and MADE_FROM.exists() and MADE_FROM.read_text() == wanted


def install(wanted: str) -> None:
    """Make the environment anew, or update it when its Python still fits."""
    say("Installing into .venv (about 200 MB; half a minute to two minutes)")
    MADE_FROM.unlink(missing_ok=True)
    if not works():
        make_venv()
    uv = shutil.which("uv")
    compiling = ["pip", "install", "--quiet", "--compile-bytecode"]  # as pip does, so that no first start is slow
    packages = ["--require-hashes", "-r", str(LOCK)]
    own = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    for wish in (packages, own):
        if not (uv and run([uv, *compiling, "--python", str(PYTHON), *wish]) == 0):
            must([str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *quiet(), *wish])
    MADE_FROM.write_text(wanted)
    say("Installed.")


def works() -> bool:
    """Say whether .venv has a working Python of our version and a pip."""
    if not PYTHON.exists():
        return False
    asked = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run([str(PYTHON), "-c", asked], capture_output=True, text=True, check=False)
    return found.returncode == 0 and found.stdout.strip() == "{}.{}".format(*sys.version_info[:2])


def make_venv() -> None:
    """Make an empty environment, with what the machine has for that."""
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv")
    if uv and run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(VENV)]) == 0:
        return
    sys.exit(
        refuse(
            "this Python cannot make virtual environments. Install what it lacks "
            f"(Debian, Ubuntu: apt-get install python3-venv), or uv.\n{made.stdout}{made.stderr}".rstrip()
        )
    )


def quiet() -> list[str]:
    """Show pip's progress to a person; keep it out of a log."""
    return [] if sys.stderr.isatty() else ["--quiet", "--progress-bar=off"]


def replace_by(command: Sequence[str]) -> int:
    """Become a command: Ctrl-C and signals reach it, not us."""
    sys.stdout.flush()
    os.execv(command[0], list(command))


def run(command: Sequence[str]) -> int:
    """Run a command to its end; return its exit status. Ctrl-C reaches it by itself, SIGTERM is handed on."""
    child = subprocess.Popen(list(command))
    ours = {signal.SIGINT: lambda *_: None, signal.SIGTERM: lambda *_: child.terminate()}
    before = {number: signal.signal(number, heard) for number, heard in ours.items()}
    try:
        return child.wait()
    finally:
        for number, heard in before.items():
            signal.signal(number, heard)


def must(command: Sequence[str]) -> None:
    """Run a command that has to succeed."""
    status = run(command)
    if status:
        sys.exit(refuse(f"this failed with status {status}: {' '.join(command)}"))


def demo(arguments: list[str]) -> int:
    """Become `rigline demo`."""
    return replace_by([str(VENV / "bin" / "rigline"), "demo", *arguments])


def serve(arguments: list[str]) -> int:
    """Become `rigline serve`."""
    return replace_by([str(VENV / "bin" / "rigline"), "serve", *arguments])


def install_instance(arguments: list[str]) -> int:
    """Make an instance's environment, and let `rigline install` from there do the rest; .venv is not needed."""
    sys.path.insert(0, str(ROOT))
    from app.instance import first  # noqa: PLC0415  # standard library alone, as this file

    return first.main(ROOT, arguments)


def test(arguments: list[str]) -> int:
    """Run pytest on all cores; a few tests that failed there are run once more, alone, and that decides.

    They start real servers, agents and browsers, beside three others on two cores: now and then one waits longer than
    it is let. What is broken fails alone too. Both runs are shown.
    """
    pytest = [str(PYTHON), "-m", "pytest"]
    status = run([*pytest, *PARALLEL, *arguments])
    failed = failed_tests() if status == TESTS_FAILED else []
    if not 0 < len(failed) <= FEW:
        return status
    say(f"{len(failed)} failed beside the others; once more, alone: {', '.join(failed)}")
    status = run([*pytest, "-n", "0", *failed])
    if not status:
        say("Alone they pass. They depend on how busy the machine is: mend them.")
    return status


def failed_tests() -> list[str]:
    """Name the tests that failed in the last run, from pytest's own notes."""
    notes = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(notes.read_text())) if notes.is_file() else []


def test_all(arguments: list[str]) -> int:
    """Run all tests with long campaigns, then those that meet the database on the machine's own PostgreSQL."""
    campaigns = {
        "RIGLINE_TEST_CAMPAIGN": "20",  # times more races than usual
        "RIGLINE_TEST_OUTAGE": "600",  # seconds that tests/hostile/test_hard_forge.py lets a forge be broken
        "RIGLINE_TEST_BENT": "10000",  # deliveries that tests/specs/test_bent_deliveries.py sends
    }
    os.environ.update(campaigns)
    status = test(arguments)
    for name in campaigns:
        del os.environ[name]
    return status or crosscheck([]) or test_machine_postgres(arguments)


def crosscheck(arguments: list[str]) -> int:
    """Hold the statistics against scipy and ruptures, which are in no other environment."""
    folder = VENV / "crosscheck"
    python = folder / "bin" / "python"
    if not python.exists():
        say("Installing scipy and ruptures into .venv/crosscheck (about 220 MB)")
        must([str(PYTHON), "-m", "venv", str(folder)])
    wish = ["--require-hashes", "-r", str(CROSSCHECK_LOCK)]
    must([str(python), "-m", "pip", "install", "--disable-pip-version-check", *quiet(), *wish])
    return run([str(python), "-m", "benchmarks.crosscheck", *arguments])


def test_machine_postgres(arguments: list[str]) -> int:
    """Run the tests that meet the database on the binaries of the machine; its servers are left alone."""
    folder = machine_postgres()
    if folder is None:
        say(f"This machine has no PostgreSQL {MACHINE_POSTGRES} or newer: tested on the bundled one only.")
        return 0
    say(f"Once more on the machine's PostgreSQL: {folder}")
    os.environ["RIGLINE_TEST_POSTGRES_BIN"] = str(folder)
    there = [path for path in WITH_DATABASE if (ROOT / path).is_dir()]
    return test([*there, *arguments])


def machine_postgres() -> "Path | None":
    """Find the oldest PostgreSQL of the machine that we support."""
    debian = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()]
    found = sorted((folder for folder in debian if is_supported(folder)), key=lambda one: int(one.parent.name))
    on_path = shutil.which("postgres")
    if not found and on_path and is_supported(Path(on_path).resolve().parent):
        found = [Path(on_path).resolve().parent]
    return found[0] if found else None


def is_supported(folder: Path) -> bool:
    """Ask a folder's postgres for its version."""
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return False
    said = subprocess.run([str(folder / "postgres"), "-V"], capture_output=True, text=True, check=False).stdout
    number = "".join(part for part in said.split()[2:3]).partition(".")[0]
    return number.isdigit() and int(number) >= MACHINE_POSTGRES


def check(_arguments: list[str]) -> int:
    """Run every check, also after one failed, and say which did."""
    tools = {
        "format": [str(VENV / "bin" / "ruff"), "format", "--check", "--quiet", "."],
        "lint": [str(VENV / "bin" / "ruff"), "check", "--quiet", "."],
        "types": [str(VENV / "bin" / "mypy")],
        "layers": [str(VENV / "bin" / "lint-imports"), "--no-cache"],
        "house": [str(PYTHON), "scripts/house.py"],
    }
    failed = [name for name, command in tools.items() if run(command)]
    say(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    """Become the benchmarks."""
    return replace_by([str(PYTHON), "-m", "benchmarks", *arguments])


def format_code(_arguments: list[str]) -> int:
    """Format and sort imports."""
    ruff = str(VENV / "bin" / "ruff")
    return run([ruff, "check", "--select", "I", "--fix", "--quiet", "."]) or run([ruff, "format", "."])


def lock(_arguments: list[str]) -> int:
    """Resolve anew and export exact versions with hashes: no address of any index is in it."""
    uv = shutil.which("uv")
    if uv is None:
        return refuse("`make lock` needs uv (pip install uv)")
    must([uv, "lock"])
    export = ["export", "--quiet", "--frozen", "--no-emit-project", "--all-groups", "--all-extras"]
    must([uv, *export, "--no-group", "crosscheck", "--output-file", LOCK.name])
    must([uv, *export[:-2], "--only-group", "crosscheck", "--output-file", CROSSCHECK_LOCK.name])
    server = ["--no-default-groups", "--group", "build", "--extra", "server", "--extra", "embedded"]
    must([uv, *export[:-2], *server, "--output-file", SERVER_LOCK.name])
    return run([str(PYTHON), "scripts/house.py"])


def setup(_arguments: list[str]) -> int:
    """Do nothing more: the environment is made."""
    return 0


def say(text: str) -> None:
    """Tell a person."""
    print(text, file=sys.stderr, flush=True)


def refuse(text: str) -> int:
    """Say what is wrong; return the exit status for it."""
    say(f"Error: {text}")
    return 2


TARGETS = {
    "demo": demo,
    "serve": serve,
    "install": install_instance,
    "test": test,
    "test-all": test_all,
    "crosscheck": crosscheck,
    "test-machine-postgres": test_machine_postgres,
    "check": check,
    "bench": bench,
    "format": format_code,
    "lock": lock,
    "setup": setup,
}

if __name__ == "__main__":
    if sys.version_info < OLDEST:
        newer = [name for name in ("python3.14", "python3.13", "python3.12", "python3.11") if shutil.which(name)]
        if not newer:
            sys.exit("Rigline needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info[:2]))
        os.execvp(newer[0], [newer[0], *sys.argv])
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "setup", sys.argv[2:]))
