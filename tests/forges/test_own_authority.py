"""A forge whose certificate only an authority of its own has signed."""

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integrations.fake.server import GITHUB, FakeServer
from integrations.fake.world import FakeRepository, World
from integrations.forge import Transient
from integrations.registry import forges_for
from tests.specs.serving import serving


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of its own")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return str(files[0]), str(files[1])


def forges(address, ca_file):
    return forges_for(
        github_api_url=address + GITHUB,
        github_webhook_secrets=[],
        github_token="t",
        gitlab_url=f"{address}/gitlab",
        gitlab_webhook_secrets=[],
        gitlab_signing_keys=[],
        gitlab_token="t",
        ca_file=ca_file,
    )


@pytest.mark.parametrize("name", ["github", "gitlab"])
async def test_a_forge_with_an_authority_of_its_own_is_trusted_where_that_is_named(name, certificate):
    world = World()
    world.add(FakeRepository(42, "acme/app"))
    async with serving(FakeServer(world), certificate=certificate) as address:
        trusting, wary = forges(address, certificate[0]), forges(address, None)
        found = await trusting[name].repository("acme/app")
        with pytest.raises(Transient, match="does not answer"):
            await wary[name].repository("acme/app")
        for forge in (*trusting.values(), *wary.values()):
            await forge.close()

    assert found.id == 42
    assert found.clone_url.startswith(f"{address}/git")
