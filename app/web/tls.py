"""HTTPS by web itself: its certificate, which may change while it serves, and the way there from plain HTTP."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from app.errors import StartupError

LOOK_S = 10.0  # between two looks for a renewed certificate
HSTS = b"max-age=31536000"  # a year, as browsers' lists of such hosts ask at least
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; HTTP/2 forbids the others (RFC 9113, 9.2.2)

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
log = structlog.get_logger()


class Certificate:
    """A certificate and its key in files, and the context that connections are made with.

    Raises:
        StartupError: they cannot be read, or do not belong together.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = _context(cert, key)
        self._seen = self._stamp()
        self.is_self_signed = _is_self_signed(cert)

    def renew(self) -> bool:
        """Take the files as they are now for new connections; open ones go on. False: unchanged, or no good pair.

        Both files are replaced one after the other, so a pair that does not fit yet is no alarm at the first look.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        try:
            _context(self._cert, self._key)  # what is not whole must not reach the context that serves
            self.context.load_cert_chain(self._cert, self._key)
            self.is_self_signed = _is_self_signed(self._cert)
        except StartupError as problem:
            log.warning("certificate_not_renewed", problem=str(problem))
            return False
        self._seen = stamp
        log.info("certificate_renewed", file=str(self._cert))
        return True

    async def follow(self) -> None:
        """Look again and again whether the certificate was renewed."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.renew()

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        with contextlib.suppress(OSError):
            return tuple((each.stat().st_mtime_ns, each.stat().st_ino) for each in (self._cert, self._key))
        return ()  # just being replaced


def strict(app: App, certificate: Certificate) -> App:
    """Tell browsers to come by HTTPS only, unless the certificate is self-signed: a new one would lock them out."""

    async def wrapper(scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and not certificate.is_self_signed:
                headers = [*message.get("headers", ()), (b"strict-transport-security", HSTS)]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, sending)

    return wrapper


def redirecting(public_url: str) -> App:
    """Answer plain HTTP: lead readers to the same path at the public address, and refuse what should have been secret.

    Never to the host that the request names, which its sender chose.
    """

    async def redirect(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _lead(scope, send, public_url)

    return redirect


async def _lead(scope: dict[str, Any], send: Any, public_url: str) -> None:
    path = scope.get("raw_path", b"/").decode("latin-1").partition("?")[0]
    query = scope.get("query_string", b"").decode("latin-1")
    target = f"{public_url}{path if path.startswith('/') else '/'}" + (f"?{query}" if query else "")
    reads = scope["method"] in ("GET", "HEAD")
    text = f"Use {public_url}" + ("" if reads else ": what you sent went over the wire in the open.")
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    if reads:
        headers.append((b"location", target.encode("latin-1")))
    await send({"type": "http.response.start", "status": 308 if reads else 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text.encode()})


async def _live(receive: Any, send: Any) -> None:
    """Say yes to the start and to the end of the server."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as problem:
        raise StartupError(
            f"RIGLINE_TLS_CERT {cert} and RIGLINE_TLS_KEY {key} cannot be used: {problem}. "
            "They should be a certificate with those that signed it and its key, in PEM, the key without a password."
        ) from None
    return context


def _is_self_signed(cert: Path) -> bool:
    from cryptography import x509  # megabytes, which only TLS by web itself needs  # noqa: PLC0415

    first = x509.load_pem_x509_certificates(cert.read_bytes())[0]
    return first.issuer == first.subject
