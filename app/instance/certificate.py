"""A self-signed certificate. Run by the instance's own Python, which has the packages for it; not standard library.

Usage: python -P -m app.instance.certificate FOLDER NAME…
Writes `cert.pem` and `key.pem` below the folder, for the names and addresses.
"""

import ipaddress
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.instance.place import written

VALID = timedelta(days=825)  # the longest that Apple's systems accept


def make(folder: Path, names: list[str]) -> None:
    """Make a certificate and its key for the names and addresses, the first of which is its subject."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of a lab may be a little behind
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)  # clients can be told to trust it
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    unlocked = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    written(folder / "key.pem", secret.decode(), mode=0o600)
    written(folder / "cert.pem", pem.decode(), mode=0o644)


def facts(file: Path) -> dict[str, object]:
    """Say when a certificate ends, for which names it is, and whether it is self-signed."""
    found = x509.load_pem_x509_certificates(file.read_bytes())[0]
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [str(each.value) for each in extension.value]
    except x509.ExtensionNotFound:
        names = []
    ends = found.not_valid_after_utc.isoformat().replace("+00:00", "Z")
    return {"expires": ends, "names": names, "self_signed": found.issuer == found.subject}


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
