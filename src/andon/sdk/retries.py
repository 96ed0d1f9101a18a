"""When a request is sent again: lost connections and answers that ask for patience."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

PATIENCE = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""

LONGEST_RETRY_AFTER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Retries:
    """A bounded number of tries with growing pauses; only for requests that may arrive twice."""

    tries: int = 4
    first_seconds: float = 0.2
    most_seconds: float = 10.0
    sleep: Callable[[float], object] = time.sleep
    spread: Callable[[], float] = random.random

    def run(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Send until there is an answer to keep; the last failure is the caller's to read."""
        for past in range(self.tries - 1):
            try:
                answer = send()
            except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol):
                raise
            except httpx2.TransportError:
                self.sleep(self._pause(past))
                continue
            if answer.status_code not in PATIENCE:
                return answer
            self.sleep(max(retry_after_seconds(answer), self._pause(past)))
        return send()

    def _pause(self, past: int) -> float:
        longest = min(self.most_seconds, self.first_seconds * 2.0**past)
        return longest * (0.5 + 0.5 * self.spread())


def retry_after_seconds(answer: httpx2.Response) -> float:
    """Read Retry-After in seconds, at most a minute; 0 when there is none."""
    text = answer.headers.get("retry-after", "")
    if not (text.isascii() and text.isdigit()):
        return 0.0
    return float(min(int(text[:9]), LONGEST_RETRY_AFTER_SECONDS))
