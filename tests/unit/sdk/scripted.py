"""A real HTTP server on the loopback that answers as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, bytes as they are; a status of 0 drops the connection instead."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


DROP = Answer(0)


def problem(status: int, code: str, detail: str = "it cannot be", **headers: str) -> Answer:
    """Answer with a problem document."""
    body = {"type": f"urn:andon:error:{code}", "code": code, "detail": detail, "status": status}
    return Answer(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


@dataclass(slots=True)
class Script:
    """A server that is running, with all that it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[Script]:
    """Serve on a free port for as long as the block runs."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            one = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            with lock:
                script.asked.append(one)
                said = answer(one)
            if said.status:
                self._say(said)

        def _say(self, said: Answer) -> None:
            content = _content(said.body)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in said.headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = Script(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _content(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body).encode()


def one_after_another(*answers: Answer) -> Callable[[Asked], Answer]:
    """Give these answers in turn, the last of them again and again."""
    waiting = list(answers)
    return lambda _asked: waiting.pop(0) if len(waiting) > 1 else waiting[0]
