"""A store's usage laid out row by row, read through SQL and taken apart without the product."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec
import zstandard

from tests.servers.stores import Read, Store

# Where the packed form keeps what the books look at; a change of it must be seen here.
_COLUMNS = {
    "seq": 0,
    "occurred_us": 1,
    "day": 2,
    "integration": 3,
    "call_id": 4,
    "tokens_in": 9,
    "tokens_out": 10,
    "cost_nanousd": 14,
    "latency_ms": 17,
    "policy_result": 18,
    "status_code": 20,
    "error_code": 21,
    "error_class": 22,
}
_COPIED = ("tenants", "slots", "blocks", "usage_errors", "usage_hourly", "usage_daily")
_ENTRY_BYTES = 48
_LIVE_RUN = 1
_Row = tuple[Any, ...]


@contextmanager
def laid_out(store: Store) -> Iterator[Read]:
    """Copy one state of a store into a database in memory.

    There, `usage` has a row a record, and `usage_keys` the slot, the key and the id of each entry
    of the dedupe index.
    """
    with closing(sqlite3.connect(":memory:")) as books:
        with store.snapshot() as read:
            for table in _COPIED:
                _copy(books, table, read)
            _make(books, "usage", ["slot", "tenant", "block", "id", "key", *_COLUMNS])
            _fill(books, "usage", _records(read))
            _make(books, "usage_keys", ["slot", "key", "id"])
            _fill(books, "usage_keys", _keys(store, read))
        yield lambda statement: books.execute(statement).fetchall()


def _copy(books: sqlite3.Connection, table: str, read: Read) -> None:
    columns = _columns_of(table)
    _make(books, table, columns)
    _fill(books, table, iter(read(f"SELECT {', '.join(columns)} FROM {table}")))


def _columns_of(table: str) -> list[str]:
    sums = ["calls", "tokens_in", "tokens_out", "cost_nanousd", "errors", "blocked", "unpriced"]
    sums += ["latency_ms", "latency_calls"]
    return {
        "tenants": ["tenant", "id"],
        "slots": ["slot", "block"],
        "blocks": ["slot", "block", "committed_us", "records", "tenants"],
        "usage_errors": ["slot", "tenant", "block", "seq", "message"],
        "usage_hourly": ["slot", "tenant", "hour", "integration", "model", *sums],
        "usage_daily": ["slot", "tenant", "day", "integration", "agent_id", "model", *sums],
    }[table]


def _make(books: sqlite3.Connection, table: str, columns: list[str]) -> None:
    books.execute(f"CREATE TABLE {table} ({', '.join(columns)})")


def _fill(books: sqlite3.Connection, table: str, rows: Iterator[_Row]) -> None:
    first = next(rows, None)
    if first is not None:
        statement = f"INSERT INTO {table} VALUES ({', '.join('?' * len(first))})"
        books.execute(statement, first)
        books.executemany(statement, rows)


def _records(read: Read) -> Iterator[_Row]:
    for slot, tenant, block, id_, body in read("SELECT slot, tenant, block, id, body FROM usage"):
        count, kept = msgspec.msgpack.decode(zstandard.decompress(bytes(body)))
        columns = {name: _column(kept.get(number), count) for name, number in _COLUMNS.items()}
        for values in zip(*columns.values(), strict=True):
            row = dict(zip(columns, values, strict=True))
            digested = f"{tenant}\0{row['call_id']}".encode()
            key = hashlib.blake2b(digested, digest_size=16).digest()
            record_id = bytes(id_)[:14] + int(row["seq"]).to_bytes(2)
            yield (slot, tenant, block, record_id, key, *values)


def _column(value: Any, count: int) -> list[Any]:
    return value if isinstance(value, list) else [value] * count


def _keys(store: Store, read: Read) -> Iterator[_Row]:
    if store.kind == "postgresql":
        for slot, key, id_ in read("SELECT slot, key, id FROM usage_keys"):
            yield slot, bytes(key), bytes(id_)
        return
    pages = (
        "SELECT p.body FROM usage_key_pages p JOIN usage_key_runs r ON p.page >> 32 = r.run "
        f"WHERE r.state = {_LIVE_RUN}"
    )
    for statement in ("SELECT body FROM usage_key_log", pages):
        for (body,) in read(statement):
            for at in range(0, len(body), _ENTRY_BYTES):
                yield 0, body[at : at + 16], body[at + 32 : at + 48]
