"""HTTPS by web itself: a renewed certificate is taken while connections are open, a bad one is not."""

import asyncio
import ssl

import httpx2
import pytest

from app.cli import web
from app.errors import StartupError
from app.settings import Settings
from app.web import tls
from app.web.tls import Certificate
from tests.package.conftest import of_an_authority


async def hello(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['scheme']} {scope['http_version']}".encode()})


async def shown(port):
    """Connect anew and read the certificate that is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found = writer.get_extra_info("ssl_object")
    told = found.getpeercert(binary_form=True), found.selected_alpn_protocol()
    writer.close()
    return told


async def test_a_renewed_certificate_is_taken_and_open_connections_go_on(settings, certificate):
    chosen = settings.model_copy(update={"port": 0, "tls_cert": certificate.cert, "tls_key": certificate.key})
    stop = asyncio.Event()
    with web.listening(chosen) as opened:
        assert opened.address.startswith("https://127.0.0.1:")
        port, own = opened.tcp.getsockname()[1], opened.certificate
        app = tls.strict(hello, own)
        server = asyncio.create_task(web.serve_on(app, opened.tcp, stop=stop, certificate=own))
        async with httpx2.AsyncClient(verify=certificate.trust(), trust_env=False) as http:
            before = await http.get(f"https://localhost:{port}/")
            first, protocol = await shown(port)
            of_an_authority(certificate)

            renewed, again = own.renew(), own.renew()
            after = await http.get(f"https://localhost:{port}/")  # a new connection would be refused: it is the old one
            second, _ = await shown(port)
        stop.set()
        await server

    assert (before.text, protocol, renewed, again) == ("https 1.1", "h2", True, False)
    assert first != second
    assert "strict-transport-security" not in before.headers
    assert after.headers["strict-transport-security"].startswith("max-age=")


def test_half_a_renewal_is_not_taken(certificate):
    served = Certificate(certificate.cert, certificate.key)
    good = certificate.key.read_text()
    of_an_authority(certificate)
    certificate.key.write_text(good)  # the key of before, beside a new certificate

    assert served.renew() is False
    assert served.is_self_signed
    of_an_authority(certificate)
    assert served.renew() is True
    assert not served.is_self_signed


def test_a_bad_certificate_is_a_plain_sentence(tmp_path):
    (tmp_path / "cert.pem").write_text("nonsense")

    with pytest.raises(StartupError, match="cannot be used"):
        Certificate(tmp_path / "cert.pem", tmp_path / "missing.pem")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"RIGLINE_TLS_CERT": "/a"}, "belong together"),
        ({"RIGLINE_REDIRECT_PORT": "80"}, "needs RIGLINE_TLS_CERT"),
        ({"RIGLINE_TRUSTED_PROXIES": "everybody"}, "RIGLINE_TRUSTED_PROXIES"),
    ],
)
def test_half_a_setting_is_named(given, told):
    with pytest.raises(StartupError, match=told):
        Settings.load(given, keeps_secret_key=False)
