"""Which server a command talks to: the one that is named, the one that runs here, or its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from andon.cli.failures import Failure
from andon.cli.options import load_settings
from andon.errors import HomeInUse
from andon.sdk.address import checked_key, checked_url, open_client
from andon.sdk.failures import problem_of
from andon.sdk.retries import Retries
from andon.settings import Settings

TIMEOUT_SECONDS = 30.0
_WORK_SECONDS = 6 * 3600.0
_OPENING_SECONDS = 20.0
_HOME_SECONDS = 10.0
_STREAM_SECONDS = 600.0
_PAGE = 1000
_SHORTLY = Retries(tries=3, first_seconds=0.1)
_IS_JSON = {"Content-Type": "application/json"}

Json = dict[str, Any]


class Refused(Failure):
    """The server answered with a problem."""

    def __init__(self, detail: str, code: str, status: int) -> None:
        super().__init__(detail, code)
        self.status = status


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API of one server; every failure is one line for people."""

    http: httpx2.Client
    url: str
    advice: str = "check the address and that the server runs"
    retries: Retries = _SHORTLY

    def get(self, path: str, **asked: Any) -> Json:
        """Read an object or a page; lost connections are tried again."""
        params = {name: value for name, value in asked.items() if value is not None}
        return self.answer(
            lambda: self.retries.run(lambda: self.http.get(_at(path), params=params))
        )

    def pages(self, path: str, limit: int = _PAGE, **asked: Any) -> Iterator[Json]:
        """Read a list item by item, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, cursor=cursor, limit=limit, **asked)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    @contextmanager
    def stream(self, path: str, **asked: Any) -> Iterator[Iterator[bytes]]:
        """Read an answer piece by piece, however long it is; one that is cut off is a failure."""
        params = {name: value for name, value in asked.items() if value is not None}
        timeout = httpx2.Timeout(TIMEOUT_SECONDS, read=_STREAM_SECONDS)
        try:
            with self.http.stream("GET", _at(path), params=params, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    code, detail = problem_of(answer)
                    raise Refused(detail, code, answer.status_code)
                yield answer.iter_bytes()
        except httpx2.TransportError as fault:
            problem = f"{self.url} did not answer to the end ({type(fault).__name__}); try again"
            raise Failure(problem, "unreachable") from None

    def post(self, path: str, body: Json | None = None) -> Json:
        """Make or change an object; sent once."""
        return self.answer(lambda: self.http.post(_at(path), json=body))

    def post_work(self, path: str, body: Json) -> Json:
        """Ask for work that may take hours, such as a look through all books; sent once."""
        timeout = httpx2.Timeout(TIMEOUT_SECONDS, read=_WORK_SECONDS)
        return self.answer(lambda: self.http.post(_at(path), json=body, timeout=timeout))

    def post_again(
        self, path: str, content: bytes, retries: Retries | None = None, **asked: str
    ) -> Json:
        """Send JSON text that may arrive twice; lost connections are tried again."""

        def once() -> httpx2.Response:
            return self.http.post(_at(path), content=content, params=asked, headers=_IS_JSON)

        return self.answer(lambda: (retries or self.retries).run(once))

    def patch(self, path: str, body: Json) -> Json:
        """Change an object; sent once."""
        return self.answer(lambda: self.http.patch(_at(path), json=body))

    def delete(self, path: str) -> None:
        """Delete an object; sent once."""
        self.answer(lambda: self.http.delete(_at(path)))

    def answer(self, send: Callable[[], httpx2.Response]) -> Json:
        """Send and read the answer, or raise what went wrong."""
        try:
            answer = send()
        except httpx2.TransportError as fault:
            problem = f"no server answers at {self.url} ({type(fault).__name__}); {self.advice}"
            raise Failure(problem, "unreachable") from None
        if not answer.is_success:
            code, detail = problem_of(answer)
            raise Refused(detail, code, answer.status_code)
        if not answer.content:
            return {}
        try:
            found = json.loads(answer.content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            problem = f"{self.url} answers something else than an Andon server does"
            raise Failure(problem, "unexpected_answer")
        return found


def part(text: str) -> str:
    """Escape an id that a person typed, so that it stays one part of a path."""
    return quote(text, safe="")


def _at(path: str) -> str:
    return f"/api/v1/{path}"


@contextmanager
def connected() -> Iterator[Api]:
    """Connect to ANDON_URL, else to the server that runs on ANDON_HOME, else open the store."""
    settings = load_settings()
    key = settings.key.get_secret_value() if settings.key else ""
    if settings.url:
        advice = "start it with `andon serve`, or correct ANDON_URL"
        with _api(settings.url, key, advice) as api:
            yield api
        return
    with ExitStack() as stack:
        local = _local(settings, stack)
        with _api(local.url, key or local.token) as api:
            if not key:
                api.http.auth = _LocalToken(settings, local.token)
            _await_opening(api)
            yield api


@dataclass(frozen=True, slots=True)
class _Local:
    """A server of this ANDON_HOME, and the token that it gave this machine's command line."""

    url: str
    token: str


def _local(settings: Settings, stack: ExitStack) -> _Local:
    """Find the server that runs here, else open the store for as long as the stack lives.

    Whoever holds the store may be starting, or be another command that is soon done.
    """
    until = time.monotonic() + _HOME_SECONDS
    while (running := _running(settings)) is None:
        # The server's own parts take a second to import, which other ways need not wait for.
        from andon.app import open_server

        try:
            server = stack.enter_context(open_server(settings))
        except HomeInUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return _Local(server.url, server.token)
    return running


@contextmanager
def _api(url: str, key: str, advice: str = "") -> Iterator[Api]:
    try:
        shown, key = checked_url(url), checked_key(key)
    except ValueError as fault:
        raise Failure(str(fault), "invalid_setting") from None
    with open_client(shown, key, TIMEOUT_SECONDS) as http:
        yield Api(http, shown, advice) if advice else Api(http, shown)


def _running(settings: Settings) -> _Local | None:
    """Find the server of this ANDON_HOME; a file that outlived it is ignored."""
    found = _announced(settings)
    if found is None:
        return None
    try:
        with httpx2.Client(trust_env=False, timeout=5.0) as http:
            alive = http.get(f"{found.url}/healthz").is_success
    except httpx2.TransportError:
        alive = False
    return found if alive else None


def _announced(settings: Settings) -> _Local | None:
    try:
        found = json.loads((settings.home / "server.json").read_bytes())
        return _Local(checked_url(found["url"]), checked_key(found["token"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


class _LocalToken(httpx2.Auth):
    """Sends the token of this home's server, and its new one after it was started again."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings = settings
        self._token = token

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        sent = self._token
        request.headers["Authorization"] = f"Bearer {sent}"
        answer = yield request
        if answer.status_code != httpx2.codes.UNAUTHORIZED:
            return
        found = _announced(self._settings)
        if found is not None and found.token != sent:
            self._token = found.token
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


def _await_opening(api: Api) -> None:
    until = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            if api.http.get("/readyz").is_success or time.monotonic() > until:
                return
        except httpx2.TransportError:
            if time.monotonic() > until:
                return
        time.sleep(0.02)
