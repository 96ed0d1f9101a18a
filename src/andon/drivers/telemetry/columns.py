"""What one group of usage records brings to the store, and what the store answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.drivers.database.tables import SUMS, usage_daily, usage_hourly, usage_recent
from andon.drivers.telemetry.keyindex.entries import KEPT, NO_COST, Existing

HOURLY_KEY = tuple(column.name for column in usage_hourly.primary_key)
DAILY_KEY = tuple(column.name for column in usage_daily.primary_key)
RECENT_KEY = tuple(column.name for column in usage_recent.primary_key)


class Claim(NamedTuple):
    """The calls of a group that may be new, one element each; no key is there twice.

    The tenant is part of what a key digests.
    """

    tenants: Sequence[int]
    keys: Sequence[bytes]
    contents: NDArray[np.int64]
    costs_stated: NDArray[np.int64]
    ids: Sequence[bytes]
    generations: Sequence[int]


class Expired(NamedTuple):
    """How many pieces of dedupe keys were dropped, and what to call once that is committed."""

    pieces: int
    keep: Callable[[], None]


Known = dict[bytes, Existing]
"""Calls that came before, by key."""


class Chunk(NamedTuple):
    """The packed records of one tenant."""

    tenant: int
    records: int
    body: bytes


class Written(NamedTuple):
    """What one group writes beside its keys."""

    id: bytes
    month: int
    chunks: list[Chunk]
    error_texts: list[tuple[int, int, int, str]]
    hourly: list[tuple[Any, ...]]
    daily: list[tuple[Any, ...]]
    recent: list[tuple[Any, ...]]
    names: list[tuple[int, int, str, str]]

    @property
    def records(self) -> int:
        """Count the records of all tenants."""
        return sum(chunk.records for chunk in self.chunks)

    @property
    def tenants(self) -> str:
        """Name the tenants as the table of blocks does."""
        return ",".join(str(chunk.tenant) for chunk in self.chunks)


def upsert(table: str, key: tuple[str, ...], sums: tuple[str, ...], mark: str) -> str:
    """Write the statement that adds sums to a rollup row, making it when it is new."""
    columns = (*key, *sums)
    adds = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"VALUES ({', '.join([mark] * len(columns))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {adds}"
    )


__all__ = [
    "DAILY_KEY",
    "HOURLY_KEY",
    "KEPT",
    "NO_COST",
    "RECENT_KEY",
    "SUMS",
    "Chunk",
    "Claim",
    "Existing",
    "Expired",
    "Known",
    "Written",
    "upsert",
]
