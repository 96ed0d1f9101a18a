"""The group commit on PostgreSQL: keys first, rollups in one order, the block's number last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from psycopg.errors import CheckViolation

from andon.drivers.database import Tx
from andon.drivers.database.generations import CLAIMS
from andon.drivers.database.pieces import PieceMissing
from andon.drivers.database.tables import metadata
from andon.drivers.telemetry.columns import (
    DAILY_KEY,
    HOURLY_KEY,
    KEPT,
    NO_COST,
    RECENT_KEY,
    SUMS,
    Claim,
    Existing,
    Expired,
    Known,
    Written,
)

# Keys and ids come as one text each that the server cuts up: an array of them would be written
# out in hex and parsed, element by element.
_KEYS = (
    "ARRAY(SELECT substring(%(keys)s::bytea FROM n * 16 + 1 FOR 16)"
    " FROM generate_series(0, length(%(keys)s::bytea) / 16 - 1) AS n)"
)
# Where it claims, a group shares the lock of its slot to its end, so that no other generation
# begins meanwhile. Keys that are kept for good go into a piece of their own, which the index of
# the newest generation does not guard: a group with such keys holds the lock alone. The lock is
# taken before the statement that looks, which so sees all that was committed until then.
_SHARE = f"SELECT pg_advisory_xact_lock_shared({CLAIMS}, %s)"
_ALONE = f"SELECT pg_advisory_xact_lock({CLAIMS}, %s)"
_NEWEST = "(SELECT max(generation) FROM usage_generations)"


def _claim(generations: str) -> str:
    # Without a join, so that keys are claimed in the order they came in.
    return (
        "WITH claimed AS (INSERT INTO usage_keys"
        " (slot, tenant, key, content, cost_stated_nanousd, id, generation)"
        " SELECT %(slot)s, new.tenant, new.key, new.content, new.cost, new.id,"
        f" CASE WHEN new.generation = {KEPT} THEN {KEPT} ELSE {_NEWEST} END FROM"
        " (SELECT u.tenant, substring(%(keys)s::bytea FROM (u.n::int - 1) * 16 + 1 FOR 16) AS key,"
        f" u.content, nullif(u.cost, {NO_COST}) AS cost,"
        " substring(%(ids)s::bytea FROM (u.n::int - 1) * 16 + 1 FOR 16) AS id, u.generation"
        " FROM unnest(%(tenants)s::int[], %(contents)s::bigint[], %(costs)s::bigint[],"
        " %(generations)s::int[]) WITH ORDINALITY AS u(tenant, content, cost, generation, n))"
        " AS new WHERE new.key NOT IN (SELECT k.key FROM usage_keys k WHERE k.slot = %(slot)s"
        f" AND k.key = ANY({_KEYS}){generations})"
        " ON CONFLICT DO NOTHING RETURNING key) SELECT string_agg(key, ''::bytea) FROM claimed"
    )


_CLAIM = _claim(f" AND k.generation < {_NEWEST}")
_CLAIM_KEPT = _claim("")
_FIND = (
    "SELECT k.key, k.content, k.cost_stated_nanousd, k.id FROM usage_keys k"
    f" WHERE k.slot = %(slot)s AND k.key = ANY({_KEYS})"
)
_LOOK_UP = (
    "SELECT content, cost_stated_nanousd, id FROM usage_keys"
    " WHERE slot = %s AND tenant = %s AND key = %s LIMIT 1"
)
_NAMES = (
    "INSERT INTO usage_names SELECT %s, u.* FROM unnest(%s::int[], %s::int[], %s::text[],"
    " %s::text[]) AS u ON CONFLICT DO NOTHING"
)
# The number is taken by the statement that writes the rows, the last one of the transaction: a
# slot's row is locked from here to the commit, so numbers have no gap and follow commit order.
_WRITE = (
    "WITH number AS (UPDATE slots SET block = block + 1 WHERE slot = %(slot)s RETURNING block),"
    " made AS (INSERT INTO blocks SELECT %(slot)s, block, %(now)s, %(records)s, %(named)s"
    "  FROM number RETURNING block),"
    " texts AS (INSERT INTO usage_errors (slot, block, tenant, seq, received_us, message)"
    "  SELECT %(slot)s, number.block, e.* FROM number, unnest(%(text_tenants)s::int[],"
    "  %(text_seqs)s::int[], %(text_times)s::bigint[], %(texts)s::text[]) AS e),"
    " rows AS (INSERT INTO usage (slot, tenant, block, month, received_us, id, records, body)"
    "  SELECT %(slot)s, c.tenant, number.block, %(month)s, %(now)s, %(id)s, c.records, c.body"
    "  FROM number, unnest(%(tenants)s::int[], %(counts)s::int[], %(bodies)s::bytea[])"
    "  AS c(tenant, records, body))"
    " SELECT block FROM made"
)


def _upsert(table: str, key: tuple[str, ...], sums: tuple[str, ...]) -> str:
    columns = [metadata.tables[table].c[name] for name in (*key[1:], *sums)]
    arrays = ", ".join(f"%s::{column.type.compile()}[]".lower() for column in columns)
    adds = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO {table} SELECT %s, u.* FROM unnest({arrays}) AS u"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {adds}"
    )


_HOURLY = _upsert("usage_hourly", HOURLY_KEY, SUMS)
_DAILY = _upsert("usage_daily", DAILY_KEY, SUMS)
_RECENT = _upsert("usage_recent", RECENT_KEY, ("calls",))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


class PostgresLedger:
    """Writes groups; every process may, so the store alone decides what is new."""

    has_work = False

    def claim(self, tx: Tx, slot: int, claim: Claim) -> Known:
        """Insert the keys that are new; return what is known of the others.

        A key that another transaction is inserting is waited for: committed, it is known here;
        rolled back, it is ours. Keys go in one order, so that two groups with the same keys wait
        for each other and never deadlock. A key may be in any generation, but only in one.
        """
        tx.touch(slot)
        asked = _in_order(slot, claim)
        has_kept = KEPT in claim.generations
        with tx.raw.cursor() as cursor:
            cursor.execute(_ALONE if has_kept else _SHARE, (slot,))
            cursor.execute(_CLAIM_KEPT if has_kept else _CLAIM, asked)
            claimed = cursor.fetchone()[0] or b""
            if len(claimed) == len(asked["keys"]):
                return {}
            others = set(claim.keys) - set(_cut(bytes(claimed)))
            cursor.execute(_FIND, {"slot": slot, "keys": b"".join(others)})
            return {bytes(row[0]): _existing(row[1:]) for row in cursor.fetchall()}

    def write(self, tx: Tx, slot: int, _claim: Claim, _fresh: Sequence[bool], rows: Written) -> int:
        """Write the group's rows; the slot's next block number is taken by the last statement."""
        tx.touch(slot)
        with tx.raw.cursor() as cursor:
            for statement, group in (
                (_NAMES, rows.names),
                (_HOURLY, rows.hourly),
                (_DAILY, rows.daily),
                (_RECENT, rows.recent),
            ):
                if group:
                    cursor.execute(statement, (slot, *_columns(sorted(group))))
            try:
                cursor.execute(_WRITE, _block(tx, slot, rows))
            except CheckViolation as fault:
                # The only check there is: a row of usage for whose month there is no piece.
                raise PieceMissing(rows.month) from fault
            return int(cursor.fetchone()[0])

    def keep(self) -> None:
        """Remember nothing: the store's own index is the only one."""

    def doubt(self) -> None:
        """Do nothing: nothing is remembered."""

    def tend(self, _tx: Tx) -> Callable[[], None]:
        """Do nothing: the store keeps its index."""
        return _nothing

    def expire(self, _tx: Tx, _last_day: int) -> Expired:
        """Do nothing: pieces of the store's index are dropped as such."""
        return Expired(0, _nothing)

    def look_up(self, tx: Tx, slot: int, key: bytes) -> Existing | None:
        """Find a call of the transaction's tenant by its key."""
        with tx.raw.cursor() as cursor:
            cursor.execute(_LOOK_UP, (slot, tx.tenant, key))
            row = cursor.fetchone()
        return _existing(row) if row is not None else None


def _cut(joined: bytes) -> list[bytes]:
    return [joined[at : at + 16] for at in range(0, len(joined), 16)]


def _nothing() -> None:
    pass


def _in_order(slot: int, claim: Claim) -> dict[str, Any]:
    joined = b"".join(claim.keys)
    words = np.frombuffer(joined, ">u8").reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    places = order.tolist()
    return {
        "slot": slot,
        "keys": b"".join(map(claim.keys.__getitem__, places)),
        "ids": b"".join(map(claim.ids.__getitem__, places)),
        "tenants": _array(map(claim.tenants.__getitem__, places)),
        "contents": _array(claim.contents[order].tolist()),
        "costs": _array(claim.costs_stated[order].tolist()),
        "generations": _array(map(claim.generations.__getitem__, places)),
    }


def _block(tx: Tx, slot: int, rows: Written) -> dict[str, Any]:
    texts = _columns(rows.error_texts) or [[], [], [], []]
    tenants, counts, bodies = _columns(rows.chunks)
    return {
        "slot": slot,
        "now": tx.now_us,
        "records": rows.records,
        "named": rows.tenants,
        "text_tenants": texts[0],
        "text_seqs": texts[1],
        "text_times": texts[2],
        "texts": texts[3],
        "month": rows.month,
        "id": rows.id,
        "tenants": tenants,
        "counts": counts,
        "bodies": bodies,
    }


def _existing(row: tuple[Any, ...]) -> Existing:
    content, cost, id_ = row
    return Existing(content, cost, bytes(id_))
