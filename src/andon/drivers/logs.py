"""Logs as JSON lines on standard error, with secrets redacted by shape."""

from __future__ import annotations

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from andon.models.redaction import redact, redact_value

ACCESS = "andon.access"
"""Lines of this logger hold ids, route templates and numbers of our own, nothing of a caller."""


class Redacted(logging.Filter):
    """Redacts messages, arguments and extra fields; drops tracebacks, which quote values."""

    _KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite one record in place."""
        if record.name == ACCESS:
            return True
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
