"""What the documentation tells proxies to do, read as written, and with nginx also run; whom web believes."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import yaml

from app.cli import web
from app.settings import Settings
from app.web import proxied
from builders.protocol import MAX_ARTEFACT, MAX_WAIT_S
from tests.acceptance.shared import free_port
from tests.ground.processes import wait_for

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/howto/behind-a-proxy.md").read_text()
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SIZES = {"m": 20, "MiB": 20}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_snippets_let_polls_wait_streams_flow_and_artefacts_through():
    nginx, caddy = blocks("nginx")[0], blocks("caddy")[0]

    for wanted in ("proxy_buffering off", "proxy_request_buffering off", "proxy_http_version 1.1"):
        assert f"{wanted};" in nginx
    assert re.search(r"proxy_read_timeout (\d+)h;", nginx)
    assert int(re.search(r"client_max_body_size (\d+)m;", nginx)[1]) << SIZES["m"] >= MAX_ARTEFACT
    assert int(re.search(r"max_size (\d+)MiB", caddy)[1]) << SIZES["MiB"] >= MAX_ARTEFACT
    assert "flush_interval -1" in caddy
    assert MAX_WAIT_S < 60  # what the page says of long polls
    assert "X-Forwarded-For $proxy_add_x_forwarded_for" in nginx


def test_the_traefik_files_are_whole_and_the_example_says_the_same():
    static, dynamic = (yaml.safe_load(each) for each in blocks("yaml"))
    example = yaml.safe_load(
        (ROOT / "examples/container/traefik.yaml")
        .read_text()
        .replace('{{ env "RIGLINE_HOST" }}', "rigline.example.org")
    )

    assert static["entryPoints"]["websecure"]["transport"]["respondingTimeouts"]["readTimeout"] == 0
    router = dynamic["http"]["routers"]["rigline"]
    assert router["entryPoints"][0] in static["entryPoints"]
    assert router["tls"]["certResolver"] in static["certificatesResolvers"]
    assert dynamic["http"]["services"]["rigline"]["loadBalancer"]["responseForwarding"]["flushInterval"] == "-1ms"
    example["http"]["services"]["rigline"]["loadBalancer"]["servers"] = [{"url": "http://127.0.0.1:8000"}]
    assert example == dynamic


async def told(headers, peer="127.0.0.1", proxies=("127.0.0.0/8", "10.0.0.0/8")):
    seen = {}

    async def app(scope, _receive, _send):
        seen.update(scope)

    settings = Settings.load({"RIGLINE_TRUSTED_PROXIES": ",".join(proxies)} if proxies else {}, keeps_secret_key=False)
    scope = {"type": "http", "client": (peer, 5), "scheme": "http"}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers]
    await proxied.believing(app, settings.trusted_proxies)(scope, None, None)
    return seen["client"][0], seen["scheme"]


FORWARDED = [("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.1.1.1"), ("x-forwarded-proto", "https")]


async def test_a_named_proxy_is_believed_as_far_as_its_own_word_goes():
    assert await told(FORWARDED) == ("203.0.113.9", "https")  # 6.6.6.6 is what the client wrote itself
    assert await told([("x-forwarded-for", "6.6.6.6"), *FORWARDED[:1]]) == ("203.0.113.9", "http")
    assert await told([("x-forwarded-for", "nonsense")]) == ("127.0.0.1", "http")
    assert await told([("x-forwarded-proto", "gopher")]) == ("127.0.0.1", "http")


async def test_nobody_else_is_believed():
    assert await told(FORWARDED, peer="203.0.113.5") == ("203.0.113.5", "http")
    assert await told(FORWARDED, proxies=()) == ("127.0.0.1", "http")


async def behind(scope, receive, send):
    """Say who asks; on /stream send a line, and the next when the client has sent word; on /size count a body."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    size = 0
    while scope["path"] == "/size" and (piece := await receive())["type"] == "http.request":
        size += len(piece.get("body", b""))
        if not piece.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    said = f"{scope['client'][0]} {scope['scheme']} {dict(scope['headers']).get(b'host', b'').decode()} {size}\n"
    await send({"type": "http.response.body", "body": said.encode(), "more_body": scope["path"] == "/stream"})
    if scope["path"] == "/stream":
        await GONE.wait()
        await send({"type": "http.response.body", "body": b"end\n"})


GONE = asyncio.Event()


@asynccontextmanager
async def nginx_before(folder, upstream, cert):
    """Run nginx as the page says, on ports of its own."""
    tls, plain = free_port(), free_port()
    text = blocks("nginx")[0].replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl").replace(
        "listen 80", f"listen 127.0.0.1:{plain}"
    )
    text = re.sub(r"/etc/ssl/rigline/", f"{cert.parent}/", text)
    temporary = "".join(
        f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{text} }}"
    )
    child = subprocess.Popen([NGINX, "-p", folder, "-e", folder / "error.log", "-c", config])
    try:
        await asyncio.to_thread(wait_for, lambda: answers(plain) or child.poll() is not None)
        assert child.poll() is None, (folder / "error.log").read_text()
        yield f"https://127.0.0.1:{tls}", f"http://127.0.0.1:{plain}"
    finally:
        child.terminate()
        child.wait(10)


def answers(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("nginx", [NGINX] if NGINX else [])
async def test_nginx_as_the_page_says_streams_at_once_and_tells_who_asks(nginx, settings, tmp_path, certificate):
    chosen = settings.model_copy(update={"port": 0})
    trusted = Settings.load({"RIGLINE_TRUSTED_PROXIES": "127.0.0.1"}, keeps_secret_key=False).trusted_proxies
    stop = asyncio.Event()
    elsewhere = httpx2.AsyncHTTPTransport(verify=certificate.trust(), local_address="127.0.0.2")  # not the proxy's own
    with web.listening(chosen) as opened:
        port = opened.tcp.getsockname()[1]
        server = asyncio.create_task(web.serve_on(proxied.believing(behind, trusted), opened.tcp, stop=stop))
        async with (
            nginx_before(tmp_path, port, certificate.cert) as (secure, plain),
            httpx2.AsyncClient(transport=elsewhere, timeout=30, headers={"Host": "lab"}) as http,
        ):
            told = (await http.get(f"{secure}/", headers={"X-Forwarded-For": "6.6.6.6"})).text
            size = (await http.post(f"{secure}/size", content=b"x" * (30 << 20))).text.split()[-1]
            led = await http.get(f"{plain}/jobs/1?x=y")
            async with http.stream("GET", f"{secure}/stream") as answer:
                lines = answer.aiter_lines()
                first = await asyncio.wait_for(anext(lines), 10)  # before the answer has ended
                GONE.set()
                last = await asyncio.wait_for(anext(lines), 10)
        stop.set()
        await server

    assert told.split() == ["127.0.0.2", "https", "lab", "0"]
    assert size == str(30 << 20)
    assert (led.status_code, led.headers["location"]) == (308, "https://lab/jobs/1?x=y")
    assert (first.split()[0], last) == ("127.0.0.2", "end")
