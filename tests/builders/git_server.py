"""A git server over HTTP: `git http-backend` behind a small server, with passwords and faults on request."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitServer:
    """Serves every repository below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.password: str | None = None  # user:password
        self.knows_v2 = True  # without version 2 of its protocol git refuses hashes that no ref names
        self.faults: list[int] = []  # statuses of the next answers
        self.moved_to: str | None = None
        self.requests: list[str] = []
        self.authorizations: list[str] = []
        self.held: threading.Event | None = None  # answers wait for it
        handler = type("Handler", (_Handler,), {"git": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self) -> GitServer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.held is not None:
            self.held.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    git: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(body)

    def log_message(self, *_: object) -> None:
        return

    def _answer(self, body: bytes) -> None:
        self.git.requests.append(self.path)
        self.git.authorizations.append(self.headers.get("Authorization", ""))
        if self.git.held is not None:
            self.git.held.wait()
        if self.git.faults:
            return self._say(self.git.faults.pop(0))
        if self.git.moved_to is not None:
            return self._say(301, Location=self.git.moved_to + self.path)
        if self.git.password is not None:
            wanted = "Basic " + base64.b64encode(self.git.password.encode()).decode()
            if self.headers.get("Authorization") != wanted:
                return self._say(401, **{"WWW-Authenticate": 'Basic realm="git"'})
        self._backend(body)

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        if self.git.knows_v2:
            env["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self._say(int(headers.pop("Status", "200").split()[0]), answer, **headers)
