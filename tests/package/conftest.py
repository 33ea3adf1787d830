"""Certificates for tests: our own self-signed ones, and one of an authority."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.instance import certificate as own

NAMES = ["localhost", "127.0.0.1"]


@dataclass
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path

    def trust(self):
        """Give a context that trusts this certificate alone."""
        return ssl.create_default_context(cafile=self.cert)


@pytest.fixture
def certificate(tmp_path):
    folder = tmp_path / "ssl"
    folder.mkdir()
    own.make(folder, NAMES)
    return Pair(folder / "cert.pem", folder / "key.pem")


def of_an_authority(pair):
    """Put a certificate in place that somebody else signed."""
    key, authority = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(authority, hashes.SHA256())
    )
    unlocked = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    pair.key.write_bytes(pem)
    pair.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
