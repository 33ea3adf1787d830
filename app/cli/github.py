"""`rigline github`: make the GitHub App that the service acts as."""

import html
import json
import os
import secrets
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import click
import httpx2

API = "https://api.github.com"
TIMEOUT = 20.0  # seconds for GitHub's answer
KEY, SECRET = "github-app.pem", "github-webhook-secret"
WAIT_S = 3600.0  # GitHub keeps the code for an hour
PERMISSIONS = {
    "checks": "write",
    "contents": "read",
    "issues": "read",  # GitHub wants it for the event of a comment, on pull requests too
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
EVENTS = [
    "check_run",
    "check_suite",
    "issue_comment",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "repository",
]


@click.group()
def github() -> None:
    """Connect with GitHub."""


@github.command("create-app")
@click.option("--public-url", envvar="RIGLINE_PUBLIC_URL", required=True, help="How GitHub reaches the service.")
@click.option("--organization", help="Who shall own the App; without it, the account you are logged in with.")
@click.option("--name", default="Rigline", show_default=True, help="Of the App; on GitHub it must be the only one.")
@click.option("--api-url", envvar="RIGLINE_GITHUB_API_URL", default=API, show_default=True, help="Of GitHub.")
@click.option("--code", help="What stood in the address that GitHub led to, where the browser runs elsewhere.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder for key and secret."
)
def create_app(  # noqa: PLR0917  # click calls it by name
    public_url: str, organization: str | None, name: str, api_url: str, code: str | None, out: Path
) -> None:
    """Make a GitHub App with exactly the rights that are needed, and keep its key and secret in files.

    Opens a page on this machine whose button leads to GitHub. If your browser runs on another machine, save that
    page there, press its button, and give the code from the address you end at with --code.

    \b
    Example:
      rigline github create-app --public-url https://rigline.example --organization acme --out secrets
    """
    _check_free(out, KEY, SECRET)
    if code is None:
        with _Page(_form(public_url.rstrip("/"), organization, name, api_url)) as page:
            click.echo(f"Open {page.url} and press the button; Ctrl-C ends this.", err=True)
            code = page.code()
    made = _converted(api_url, code)
    key, secret = _write(out, KEY, made["pem"]), _write(out, SECRET, made["webhook_secret"])
    click.echo(f"RIGLINE_GITHUB_APP_ID={made['id']}")
    click.echo(f"RIGLINE_GITHUB_PRIVATE_KEY_FILE={key}")
    click.echo(f"RIGLINE_GITHUB_WEBHOOK_SECRETS_FILE={secret}")
    where = f"{made['html_url']}/installations/new"
    click.echo(f"Start the service with these settings, and install the App: {where}", err=True)


def manifest(public_url: str, name: str, redirect_url: str) -> dict[str, Any]:
    """Describe the App to GitHub."""
    return {
        "name": name,
        "url": public_url,
        "hook_attributes": {"url": f"{public_url}/webhooks/github", "active": True},
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": PERMISSIONS,
        "default_events": EVENTS,
    }


def _web(api_url: str) -> str:
    """Say where people see what the API serves."""
    if urlsplit(api_url).netloc == urlsplit(API).netloc:
        return "https://github.com"
    return api_url.rstrip("/").removesuffix("/api/v3")


class _Form:
    """The page with the button, and what must come back from GitHub."""

    def __init__(self, public_url: str, action: str, name: str) -> None:
        self.state = secrets.token_urlsafe(24)
        self._public_url, self._action, self._name = public_url, action, name

    def page(self, redirect_url: str) -> bytes:
        """Write the page."""
        text = html.escape(json.dumps(manifest(self._public_url, self._name, redirect_url)), quote=True)
        action = html.escape(f"{self._action}?state={self.state}", quote=True)
        return (
            f'<!doctype html><meta charset="utf-8"><title>Rigline</title><form action="{action}" method="post">'
            f'<input type="hidden" name="manifest" value="{text}"><button>Make the App on GitHub</button></form>'
        ).encode()


def _form(public_url: str, organization: str | None, name: str, api_url: str) -> _Form:
    owner = f"organizations/{quote(organization, safe='')}/" if organization else ""
    return _Form(public_url, f"{_web(api_url)}/{owner}settings/apps/new", name)


class _Page:
    """Serves the page to this machine alone, until GitHub has led the browser back."""

    def __init__(self, form: _Form) -> None:
        self._code: str | None = None
        self._done = threading.Event()
        self._server = HTTPServer(("127.0.0.1", 0), self._handler(form))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> "_Page":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def code(self) -> str:
        """Wait for the code."""
        if not self._done.wait(WAIT_S) or self._code is None:
            raise click.ClickException("GitHub did not lead back here within an hour.")
        return self._code

    def _handler(self, form: _Form) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Give the page, or take the code; one with another state is somebody else's."""
                asked = parse_qs(urlsplit(self.path).query)
                state, code = asked.get("state", [""])[0], asked.get("code", [""])[0]
                ours = bool(code) and secrets.compare_digest(state.encode(), form.state.encode())
                body = b"Done; go back to the terminal." if ours else form.page(page.url)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain" if ours else "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)
                if ours:
                    page._code = code
                    page._done.set()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the address holds the code."""

        return Handler


def _converted(api_url: str, code: str) -> dict[str, Any]:
    """Give the code for the App's key and secret; GitHub does so once."""
    address = f"{api_url.rstrip('/')}/app-manifests/{quote(code, safe='')}/conversions"
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "rigline"}
    try:
        answer = httpx2.post(address, headers=headers, timeout=TIMEOUT, trust_env=False)
    except httpx2.HTTPError as problem:
        raise click.ClickException(f"GitHub does not answer: {type(problem).__name__}") from None
    if answer.status_code != 201:
        raise click.ClickException(f"GitHub answered {answer.status_code}: the code was used, or is over an hour old.")
    made: dict[str, Any] = answer.json()
    return made


def _check_free(folder: Path, *names: str) -> None:
    """Insist that nothing is overwritten, before GitHub makes anything."""
    for name in names:
        if (folder / name).exists():
            raise click.ClickException(f"{folder / name} is there already; move it away, or choose another --out.")


def _write(folder: Path, name: str, text: str) -> Path:
    """Write a secret to a new file that nobody else can read."""
    folder.mkdir(parents=True, exist_ok=True)
    path = (folder / name).absolute()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path
