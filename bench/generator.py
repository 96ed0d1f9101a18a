"""A cheap load generator in a process of its own: raw sockets, one request in flight on each.

Reads its orders as JSON on standard input and writes what it measured as JSON.
"""

from __future__ import annotations

import itertools
import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bench.requests import Make, span_requests, usage_requests

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CHUNK = 1 << 16
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What to send where, and for how long; `make` and `arguments` name the requests."""

    host: str
    ports: list[int]
    connections: int
    records_a_request: int
    expect: str
    make: str
    arguments: dict[str, Any]
    seconds: float
    warm_up_seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Records acknowledged a second, milliseconds to the answer, and the generator's own work."""

    records_a_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    requests_with_warm_up: int
    generator_cpu: float


class Connection:
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, orders: Orders, make: Make, port: int) -> None:
        self.socket = socket.create_connection((orders.host, port), _ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._make = make
        self._expect = orders.expect.encode()
        self._got = b""
        self.sent_at = 0.0

    def send(self) -> None:
        """Send the next request."""
        request = self._make()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has come; tells whether the answer is whole and what it should be."""
        chunk = self.socket.recv(_CHUNK)
        if not chunk:
            raise ConnectionError(f"the server hung up after {self._got[:200]!r}")
        self._got += chunk
        head, gap, body = self._got.partition(b"\r\n\r\n")
        if not gap:
            return False
        length = _LENGTH.search(head)
        if length is None:
            raise ConnectionError(f"an answer without a length: {head[:200]!r}")
        if len(body) < int(length[1]):
            return False
        if b" 200 " not in head[:16] or self._expect not in body:
            raise ConnectionError(f"not the answer expected: {self._got[:500]!r}")
        self._got = b""
        return True


def run(orders: Orders) -> Measured:
    """Keep every connection busy until the time is up."""
    makers: dict[str, Callable[..., Make]] = {"usage": usage_requests, "spans": span_requests}
    make = makers[orders.make](**orders.arguments)
    ports = itertools.cycle(orders.ports)
    connections = [Connection(orders, make, next(ports)) for _ in range(orders.connections)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        early = _until(selector, time.perf_counter() + orders.warm_up_seconds)
        start, cpu = time.perf_counter(), time.process_time()
        waits = _until(selector, start + orders.seconds)
        elapsed, worked = time.perf_counter() - start, time.process_time() - cpu
    for connection in connections:
        connection.socket.close()
    waits.sort()
    return Measured(
        records_a_second=len(waits) * orders.records_a_request / elapsed,
        p50_ms=waits[len(waits) // 2] * 1000,
        p99_ms=waits[int(len(waits) * 0.99)] * 1000,
        requests=len(waits),
        requests_with_warm_up=len(early) + len(waits),
        generator_cpu=worked / elapsed,
    )


def _until(selector: selectors.BaseSelector, deadline: float) -> list[float]:
    """Exchange requests and answers until the deadline; gives the seconds that each took."""
    waits = []
    while time.perf_counter() < deadline:
        for ready, _ in selector.select(0.1):
            connection: Connection = ready.data
            if connection.receive():
                waits.append(time.perf_counter() - connection.sent_at)
                connection.send()
    return waits


if __name__ == "__main__":
    print(json.dumps(asdict(run(Orders(**json.load(sys.stdin))))))
