"""How an instance is: what runs, what answers, where it is reached, where its logs are."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app import environment
from app.instance import account, making, ports, running
from app.instance.keeper import LOG
from app.instance.place import InstanceError, Manifest, Place

NEEDED = ("database", "redis", "worker")  # findings of `rigline doctor` without which nothing is done
ASK_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; the words are those of `rigline doctor`."""

    name: str
    ok: bool
    what: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """All that `rigline status` says."""

    name: str
    prefix: str
    version: str
    state: str  # stopped, starting, running, stopping, failed
    by: str  # "keeper" or "systemd"
    pid: int | None
    since: str | None
    restarts: int
    urls: list[str]
    ports: dict[str, int]
    logs: str
    certificate: dict[str, object] | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_up(self) -> bool:
        """Say whether it runs."""
        return self.state not in ("stopped", "failed")

    @property
    def is_well(self) -> bool:
        """Say whether it runs, and all that it needs answers."""
        return self.state == "running" and not any(not each.ok for each in self.findings if each.name in NEEDED)


def look(place: Place) -> Status:
    """Look at an instance; asks its servers when it runs, which takes a second.

    Raises:
        InstanceError: there is none, or its files cannot be read.
    """
    manifest, state = place.installed(), running.state(place)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(state.since)) if state.since else None
    return Status(
        name=manifest.name,
        prefix=str(place.prefix),
        version=manifest.version,
        state=state.name,
        by=state.by,
        pid=state.pid,
        since=since,
        restarts=state.restarts,
        urls=making.urls(place),
        ports=ports.read(place),
        logs=str(place.logs / LOG) if state.by == "keeper" else f"journalctl -u {Path(manifest.unit or '').name}",
        certificate=_certificate(place, manifest),
        findings=_findings(place, manifest) if state.is_up else [],
    )


def lines(status: Status) -> Iterator[str]:
    """Write it for people."""
    since = f" since {status.since}" if status.since and status.is_up else ""
    again = f", started again {status.restarts} times" if status.restarts else ""
    yield f"{status.name}: {status.state}{since}{again}"
    yield f"  folder   {status.prefix}"
    yield f"  version  {status.version}"
    for address in status.urls:
        yield f"  address  {address}"
    yield f"  logs     {status.logs}; logs of jobs: on their pages"
    if status.certificate:
        ends, own = status.certificate.get("expires"), status.certificate.get("self_signed")
        yield f"  TLS      until {ends}{', self-signed' if own else ''}"
    for each in status.findings:
        yield f"  {'ok  ' if each.ok else 'FAIL'} {each.what}"
        if not each.ok:
            yield f"       try: {each.remedy}"


def _findings(place: Place, manifest: Manifest) -> list[Finding]:
    """Ask the instance's own doctor, as the account of the instance."""
    asked = subprocess.run(  # noqa: S603  # our own argument list
        [str(word) for word in running.program_words(place, "doctor", "--json")],
        cwd=place.prefix,
        env=running.environment_of(place, manifest),
        capture_output=True,
        text=True,
        timeout=ASK_S,
        check=False,
        **account.become(manifest.account),
    )
    try:
        return [Finding(**each) for each in json.loads(asked.stdout)]
    except (ValueError, TypeError):
        said = (asked.stderr or asked.stdout).strip()[-500:]
        return [Finding(name="database", ok=False, what=f"doctor could not look: {said}", remedy="see the logs")]


def _certificate(place: Place, manifest: Manifest) -> dict[str, object] | None:
    """Say until when the certificate holds, by the packages of the instance."""
    given = environment.of_instance(place.prefix).get("RIGLINE_TLS_CERT")
    if not given:
        return None
    asked = "import json, pathlib, sys\nfrom app.instance.certificate import facts\n"
    asked += "print(json.dumps(facts(pathlib.Path(sys.argv[1]))))"
    try:
        said = subprocess.run(  # noqa: S603  # our own argument list
            [place.python, "-P", "-c", asked, given],
            cwd=place.prefix,
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=True,
            **account.become(manifest.account),
        )
        found: dict[str, object] = json.loads(said.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        raise InstanceError(f"The certificate {given} cannot be read.") from None
    return found
