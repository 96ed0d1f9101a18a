"""Logs as JSON lines on standard error, with secrets redacted by shape."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from pythonjsonlogger.json import JsonFormatter

from andon.models.redaction import redact, redact_value

ACCESS = "andon.access"
_MOST_WAITING = 1_000

_quoted = json.encoder.encode_basestring_ascii


class AccessLog:
    """Writes the lines of answered requests, those of one turn of the event loop together.

    A line holds ids, route templates and numbers of our own, nothing of a caller, and has the
    form of every other log line. One thread alone may use it.
    """

    def __init__(
        self, stream: TextIO, clock_us: Callable[[], int], soon: Callable[[Callable[[], None]], Any]
    ) -> None:
        self._stream = stream
        self._clock_us = clock_us
        self._soon = soon
        self._second, self._text = -1, ""
        self._waiting: list[str] = []

    def write(
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        request_id: str,
        tenant_id: str | None,
        key_id: str | None,
    ) -> None:
        """Write one line, at the latest when the event loop has done what it is at."""
        if not self._waiting:
            self._soon(self.flush)
        elif len(self._waiting) >= _MOST_WAITING:
            self.flush()
        self._waiting.append(
            f'{{"time": "{self._time()}", "level": "INFO", "logger": "{ACCESS}", '
            f'"message": "request", "method": {_json(method)}, "route": {_json(route)}, '
            f'"status": {status}, "duration_seconds": {seconds:.6f}, '
            f'"request_id": {_json(request_id)}, "tenant_id": {_json(tenant_id)}, '
            f'"key_id": {_json(key_id)}}}\n'
        )

    def flush(self) -> None:
        """Write what waits; a log that cannot be written stops no request."""
        lines, self._waiting = self._waiting, []
        with suppress(OSError, ValueError):
            self._stream.write("".join(lines))
            self._stream.flush()

    def _time(self) -> str:
        second, micros = divmod(self._clock_us(), 1_000_000)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._text},{micros // 1000:03}"


def _json(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def access_log(
    level: str, clock_us: Callable[[], int], soon: Callable[[Callable[[], None]], Any]
) -> AccessLog | None:
    """Open the log of requests on standard error, unless the level leaves it out."""
    if logging.getLevelName(level.upper()) > logging.INFO:
        return None
    return AccessLog(sys.stderr, clock_us, soon)


class Redacted(logging.Filter):
    """Redacts messages, arguments and extra fields; drops tracebacks, which quote values."""

    _KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite one record in place."""
        if record.exc_info:
            kind = record.exc_info[0]
            record.error = kind.__name__ if kind is not None else None
            record.exc_info, record.exc_text = None, None
        record.msg, record.args = redact(record.getMessage()), None
        for name, value in list(record.__dict__.items()):
            if name not in self._KNOWN:
                record.__dict__[name] = redact_value(value)
        return True


def configure(level: str) -> None:
    """Send every log of this process through one redacted JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    handler.addFilter(Redacted())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("httpx2", "httpcore2", "sqlalchemy", "alembic", "filelock", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(max(logging.getLevelName(level.upper()), logging.WARNING))


def warn_open_bind(host: str, log: Any = None) -> None:
    """Say that an address other than loopback is open to the network without TLS."""
    (log or logging.getLogger("andon")).warning(
        "listening beyond loopback without TLS; put a proxy with TLS in front", extra={"host": host}
    )
