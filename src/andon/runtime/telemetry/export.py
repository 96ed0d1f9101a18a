"""All single records up to one moment, a page a transaction, so that nothing waits for a reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import compress
from typing import Any
from uuid import UUID

import numpy as np

from andon import errors
from andon.drivers import integrations
from andon.drivers.database import Tx
from andon.drivers.telemetry import walking
from andon.drivers.telemetry.export import messages_between
from andon.drivers.telemetry.overlays import Overlays
from andon.drivers.telemetry.walking import Held
from andon.engines.telemetry import DAY_US, SECOND_US
from andon.engines.tenants import calendar
from andon.runtime.audit import iso
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller
from andon.schemas.usage_file import KEPT

Columns = dict[str, list[Any]]

PAGE_RECORDS = 4_000
"""A page ends with the block that reaches this many records."""

_ID_HEAD = -4
_ZONES_DAYS = 2
"""Farther from a day's begin in UTC no tenant's day begins."""

_AS_KEPT = (*KEPT, "metadata", "request", "labels")


@dataclass(frozen=True, slots=True)
class Export:
    """What is asked for: blocks after one and up to another, days, and an integration.

    `days` are the tenant's, both included; `named` holds ids of integrations by their numbers.
    A void after `at_us` is not told of.
    """

    slot: int
    after: int
    last: int
    at_us: int
    days: tuple[int, int]
    integration: int | None
    named: dict[int, str]


def begin(
    ctx: Context, caller: Caller, start: date | None, end: date | None, integration_id: str | None
) -> Export:
    """Fix what the store holds now; what is committed later is not exported."""
    first = calendar.day_number(start or date.min)
    final = calendar.day_number(end or date.max)
    if first > final:
        raise errors.InvalidRequest("period_start must not be after period_end")
    slot = caller.tenant.slot
    with ctx.db.reading(caller.tenant.no) as tx:
        last = walking.last_block(tx, slot)
        after = 0
        if start is not None:
            # A call is stored before it happened by the tolerance at the most, as it is set now.
            tolerance_us = ctx.settings.future_tolerance_seconds * SECOND_US
            since_us = (first - _ZONES_DAYS) * DAY_US - tolerance_us
            after = walking.block_before(tx, slot, since_us)
        named = {row["no"]: row["id"] for row in integrations.every_integration(tx)}
        at_us = tx.now_us
    number = None
    if integration_id is not None:
        number = next((no for no, id_ in named.items() if id_ == integration_id), None)
        after = last if number is None else after
    return Export(slot, after, last, at_us, (first, final), number, named)


def read_on(ctx: Context, caller: Caller, export: Export, after: int) -> tuple[Columns, int | None]:
    """Read a page of columns after a block, and tell after which to go on; None at the end."""
    found: Columns = {}
    with ctx.db.reading(caller.tenant.no) as tx:
        page = walking.read_after(tx, export.slot, after, export.last, PAGE_RECORDS)
        for name, values in _columns(tx, export, page):
            found.setdefault(name, []).extend(values)
    return found, (page[-1].block if page else None)


def _columns(tx: Tx, export: Export, page: list[Held]) -> Iterator[tuple[str, list[Any]]]:
    if not page:
        return
    overlays = Overlays(tx, export.slot)
    messages = messages_between(tx, export.slot, page[0].block, page[-1].block)
    for held in page:
        overlays.lay_over(held.block, held.columns)
        columns = _chosen(export, held.columns)
        voids = overlays.voids(held.block)
        gone = {seq for seq, void in voids.items() if void.voided_us <= export.at_us}
        yield "voided", [seq in gone for seq in columns["seq"]]
        yield "error_message", [messages.get((held.block, seq)) for seq in columns["seq"]]
        yield from _shown(export, held, columns)


def _shown(export: Export, held: Held, columns: Columns) -> Iterator[tuple[str, list[Any]]]:
    seqs = columns["seq"]
    head = str(UUID(bytes=held.id))[:_ID_HEAD]
    yield "id", [f"{head}{seq:04x}" for seq in seqs]
    yield "integration_id", list(map(export.named.__getitem__, columns["integration"]))
    yield "occurred_at", _moments(columns["occurred_us"])
    yield "created_at", [iso(held.received_us)] * len(seqs)
    for name in _AS_KEPT:
        yield name, columns[name]


def _moments(at_us: list[int]) -> list[str]:
    """Write many times as `iso` writes one."""
    texts = np.datetime_as_string(np.array(at_us, "datetime64[us]")).tolist()
    return [f"{text.removesuffix('.000000')}Z" for text in texts]


def _chosen(export: Export, columns: Columns) -> Columns:
    first, final = export.days
    wanted = [
        first <= day <= final and export.integration in {None, number}
        for day, number in zip(columns["day"], columns["integration"], strict=True)
    ]
    if all(wanted):
        return columns
    return {name: list(compress(values, wanted)) for name, values in columns.items()}
