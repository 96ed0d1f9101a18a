"""Whether a store's books balance: read through SQL, past the product, on one consistent state."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from bench.unpacked import laid_out
from tests.servers.stores import Read, Store

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
_RAW_SUMS = """
    count(*), sum(u.tokens_in), sum(u.tokens_out), sum(coalesce(u.cost_nanousd, 0)),
    sum(CASE WHEN u.error_code IS NOT NULL OR u.error_class IS NOT NULL OR e.seq IS NOT NULL
             OR u.status_code >= 400 THEN 1 ELSE 0 END),
    sum(CASE WHEN u.policy_result = 'blocked' THEN 1 ELSE 0 END),
    sum(CASE WHEN u.cost_nanousd IS NULL THEN 1 ELSE 0 END),
    sum(coalesce(u.latency_ms, 0)),
    sum(CASE WHEN u.latency_ms IS NULL THEN 0 ELSE 1 END)
"""
_RAW = """
SELECT u.slot, u.tenant, {bucket}, u.integration, {sums}
FROM usage u LEFT JOIN usage_errors e
  ON e.slot = u.slot AND e.tenant = u.tenant AND e.block = u.block AND e.seq = u.seq
GROUP BY 1, 2, 3, 4
"""
_ROLLED = """
SELECT slot, tenant, {bucket}, integration, {sums} FROM {table} GROUP BY 1, 2, 3, 4
"""
_KEYS_WITHOUT_ROW = """
SELECT count(*) FROM (SELECT slot, key, id FROM usage_keys
                      EXCEPT SELECT slot, key, id FROM usage) AS halves
"""
_ROWS_WITHOUT_KEY = """
SELECT count(*) FROM (SELECT slot, key, id FROM usage
                      EXCEPT SELECT slot, key, id FROM usage_keys) AS halves
"""
_COUNTED_TWICE = """
SELECT coalesce(sum(n - 1), 0) FROM
  (SELECT count(*) AS n FROM usage GROUP BY slot, tenant, call_id HAVING count(*) > 1) AS twice
"""
_GAPS = """
SELECT s.slot, s.block, count(b.block), coalesce(min(b.block), 0), coalesce(max(b.block), 0)
FROM slots s LEFT JOIN blocks b ON b.slot = s.slot GROUP BY s.slot, s.block
"""
_BLOCK_SIZES = """
SELECT count(*) FROM
  (SELECT slot, block, records FROM blocks
   EXCEPT SELECT slot, block, count(DISTINCT seq) FROM usage GROUP BY slot, block) AS wrong
"""
_TEXTS_WITHOUT_ROW = """
SELECT count(*) FROM usage_errors e LEFT JOIN usage u
  ON u.slot = e.slot AND u.tenant = e.tenant AND u.block = e.block AND u.seq = e.seq
WHERE u.seq IS NULL
"""

Call = tuple[str, str]
"""A tenant's id and a call_id of it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What one look at the books found."""

    rows: int
    lost: frozenset[Call]
    counted_twice: int
    unacknowledged: int
    faults: list[str]


def audit(store: Store, acked: Set[Call], sent: Set[Call], prefix: str) -> Audit:
    """Look whether all books balance and whether what was acknowledged is there.

    `acked` and `sent` are the calls whose call_id begins with the prefix.
    """
    with laid_out(store) as read:
        stored = _stored(read, prefix)
        rows = _number(read, "SELECT count(*) FROM usage")
        twice = _number(read, _COUNTED_TWICE)
        faults = [*_halves(read, rows), *_rollup_faults(read), *_block_faults(read)]
    lost = frozenset(acked - stored.keys())
    if lost:
        faults.append(f"{len(lost)} acknowledged records are not there, e.g. {min(lost)}")
    if twice:
        faults.append(f"{twice} records are there more than once")
    unknown = stored.keys() - sent
    if unknown:
        faults.append(f"{len(unknown)} records were never sent, e.g. {min(unknown)}")
    return Audit(rows, lost, twice, len(stored.keys() - acked), faults)


def _stored(read: Read, prefix: str) -> dict[Call, int]:
    found = read(
        "SELECT t.id, u.call_id, count(*) FROM usage u JOIN tenants t ON t.tenant = u.tenant "
        f"WHERE u.call_id LIKE '{prefix}%' GROUP BY t.id, u.call_id"
    )
    return {(tenant, call_id): int(count) for tenant, call_id, count in found}


def _number(read: Read, statement: str) -> int:
    return int(read(statement)[0][0])


def _halves(read: Read, rows: int) -> Iterable[str]:
    """Name every record of which only a part was kept."""
    keys = _number(read, "SELECT count(*) FROM usage_keys")
    if keys != rows:
        yield f"{keys} dedupe keys stand beside {rows} records"
    for name, statement in (
        ("dedupe keys have no record", _KEYS_WITHOUT_ROW),
        ("records have no dedupe key", _ROWS_WITHOUT_KEY),
        ("error texts have no record", _TEXTS_WITHOUT_ROW),
    ):
        found = _number(read, statement)
        if found:
            yield f"{found} {name}"


def _rollup_faults(read: Read) -> Iterable[str]:
    rolled = ", ".join(f"sum({name})" for name in _SUMS)
    for table, bucket, raw_bucket in (
        ("usage_hourly", "hour", "u.occurred_us / 3600000000"),
        ("usage_daily", "day", "u.day"),
    ):
        raw = read(_RAW.format(bucket=raw_bucket, sums=_RAW_SUMS))
        sums = read(_ROLLED.format(bucket=bucket, sums=rolled, table=table))
        wrong = {_ints(row) for row in raw} ^ {_ints(row) for row in sums}
        if wrong:
            yield f"{table} is not what its records sum to: {len(wrong)} rows, {min(wrong)}"


def _ints(row: tuple[object, ...]) -> tuple[int, ...]:
    return tuple(int(str(value)) for value in row)


def _block_faults(read: Read) -> Iterable[str]:
    for slot, number, count, first, last in read(_GAPS):
        if not number == count == last or first != (1 if count else 0):
            yield f"slot {slot} is at block {number}, but has {count} blocks, {first} to {last}"
    wrong = _number(read, _BLOCK_SIZES)
    if wrong:
        yield f"{wrong} blocks do not hold the records that they say"
    stray = _number(read, "SELECT coalesce(sum(records), 0) FROM blocks")
    rows = _number(read, "SELECT count(*) FROM usage")
    if stray != rows:
        yield f"the blocks count {stray} records, but there are {rows}"
