"""Whether the ledger's books balance: read by SQL and taken apart without the product."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import zstandard

from andon.drivers.telemetry.packing import FIELDS

Read = Callable[[str], list[tuple[Any, ...]]]
"""Runs one SQL statement and gives its rows."""

Name = tuple[int, str]
"""A tenant's number and a call_id of it."""

_SUMS = (
    "calls",
    "tokens_in",
    "tokens_out",
    "cost_nanousd",
    "errors",
    "blocked",
    "unpriced",
    "latency_ms",
    "latency_calls",
)
_ENTRY, _KEY, _ID = 48, 16, 32
_HOUR_US = 3_600_000_000
_LIVE = 1
_LOG = "SELECT body FROM usage_key_log WHERE block > {after}"
_PAGES = (
    "SELECT p.body FROM usage_key_pages p JOIN usage_key_runs r ON p.page >> 32 = r.run "
    f"WHERE r.state = {_LIVE}"
)


class Stored(NamedTuple):
    """A record as it stands in the store."""

    id: bytes
    tokens_in: int
    tokens_out: int
    model: str


@dataclass(slots=True)
class _Sums:
    hours: dict[tuple[int, ...], list[int]]
    days: dict[tuple[int, ...], list[int]]


class Books:
    """What the records of a store come to, as far as they were read; reads on from there."""

    def __init__(self) -> None:
        self.records: dict[Name, Stored] = {}
        self.block = 0
        self._ids: dict[bytes, bytes] = {}
        self._sums = _Sums({}, {})

    def follow(self, read: Read, *, all_keys: bool = True) -> list[str]:
        """Read what is new and name every fault; without all keys, only the new ones are read."""
        before = self.block
        known = set(self._ids)
        faults = [*self._blocks(read), *self._records(read, before)]
        if all_keys:
            faults += self._compare_keys(read, -1, self._ids)
        else:
            new = {key: id_ for key, id_ in self._ids.items() if key not in known}
            faults += self._compare_keys(read, before, new)
        faults += self._rollups(read, "usage_hourly", "hour", self._sums.hours)
        faults += self._rollups(read, "usage_daily", "day", self._sums.days)
        return faults

    def _blocks(self, read: Read) -> Iterator[str]:
        rows = read(f"SELECT block, records FROM blocks WHERE block > {self.block} ORDER BY block")
        (last,) = read("SELECT block FROM slots")[0]
        if [row[0] for row in rows] != list(range(self.block + 1, last + 1)):
            yield f"blocks after {self.block} are {[row[0] for row in rows]}, the slot says {last}"
        held: dict[int, int] = dict(
            read(f"SELECT block, sum(records) FROM usage WHERE block > {self.block} GROUP BY block")
        )
        if held != dict(rows):
            yield f"blocks say they hold {dict(rows)} records, they hold {held}"
        self.block = last

    def _records(self, read: Read, before: int) -> Iterator[str]:
        texts = Counter(
            (tenant, block, seq)
            for tenant, block, seq in read(
                f"SELECT tenant, block, seq FROM usage_errors WHERE block > {before}"
            )
        )
        for tenant, block, id_, count, body in read(
            f"SELECT tenant, block, id, records, body FROM usage WHERE block > {before}"
        ):
            rows = _unpacked(body)
            if len(rows) != count:
                yield f"block {block} says it has {count} records of tenant {tenant}"
            for row in rows:
                has_text = texts.pop((tenant, block, row["seq"]), 0) > 0
                yield from self._take(tenant, id_, row, has_text)
        if texts:
            yield f"{len(texts)} error texts have no record"

    def _take(self, tenant: int, head: bytes, row: dict[str, Any], failed: bool) -> Iterator[str]:
        name = (tenant, row["call_id"])
        if name in self.records:
            yield f"{name} is there twice"
        id_ = head[:14] + int(row["seq"]).to_bytes(2)
        self.records[name] = Stored(id_, row["tokens_in"], row["tokens_out"], row["model"])
        self._ids[_digest(*name)] = id_
        sums = _sums_of(row, failed)
        hour = (tenant, row["occurred_us"] // _HOUR_US, row["integration"])
        _add(self._sums.hours, hour, sums)
        _add(self._sums.days, (tenant, row["day"], row["integration"]), sums)

    def _compare_keys(self, read: Read, after: int, expected: dict[bytes, bytes]) -> Iterator[str]:
        bodies = read(_LOG.format(after=after)) + (read(_PAGES) if after < 0 else [])
        joined = b"".join(body for (body,) in bodies)
        found = {
            joined[at : at + _KEY]: joined[at + _ID : at + _ENTRY]
            for at in range(0, len(joined), _ENTRY)
        }
        if len(joined) != _ENTRY * len(expected):
            yield f"{len(joined) // _ENTRY} dedupe keys stand beside {len(expected)} records"
        if found != expected:
            missing = len(expected.keys() - found.keys())
            yield f"{missing} records have no dedupe key, or a key names another record"

    def _rollups(
        self, read: Read, table: str, bucket: str, sums: dict[tuple[int, ...], list[int]]
    ) -> Iterator[str]:
        columns = ", ".join(f"sum({name})" for name in _SUMS)
        rows = read(
            f"SELECT tenant, {bucket}, integration, {columns} FROM {table} GROUP BY 1, 2, 3"
        )
        found = {row[:3]: list(row[3:]) for row in rows}
        if found != sums:
            wrong = [key for key in found.keys() | sums.keys() if found.get(key) != sums.get(key)]
            yield f"{table} is not what its records sum to at {len(wrong)} places: {min(wrong)}"


@lru_cache(512)
def _unpacked(body: bytes) -> list[dict[str, Any]]:
    count, kept = msgspec.msgpack.decode(zstandard.decompress(body))
    columns = [_column(kept.get(number), count) for number in range(len(FIELDS))]
    return [dict(zip(FIELDS, values, strict=True)) for values in zip(*columns, strict=True)]


def _column(value: Any, count: int) -> list[Any]:
    return value if isinstance(value, list) else [value] * count


def _digest(tenant: int, call_id: str) -> bytes:
    return hashlib.blake2b(f"{tenant}\0{call_id}".encode(), digest_size=16).digest()


def _sums_of(row: dict[str, Any], has_text: bool) -> list[int]:
    latency, cost = row["latency_ms"], row["cost_nanousd"]
    failed = has_text or row["error_code"] or row["error_class"] or (row["status_code"] or 0) >= 400
    return [
        1,
        row["tokens_in"],
        row["tokens_out"],
        cost or 0,
        int(bool(failed)),
        int(row["policy_result"] == "blocked"),
        int(cost is None),
        latency or 0,
        int(latency is not None),
    ]


def _add(sums: dict[tuple[int, ...], list[int]], key: tuple[int, ...], values: list[int]) -> None:
    present = sums.get(key)
    sums[key] = values if present is None else [a + b for a, b in zip(present, values, strict=True)]
