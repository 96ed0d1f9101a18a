"""Use cases of a tenant's own prices: add, read, end, delete; none is ever rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from andon import errors
from andon.drivers import prices
from andon.drivers.database import Tx
from andon.runtime.audit import iso, record_change
from andon.runtime.context import Context
from andon.runtime.pricing import validity_of
from andon.runtime.tenants.caller import Caller
from andon.schemas.cus.moments import micros_of

Row = dict[str, Any]

MAX_PRICES = 1000
"""Live prices of a tenant: all of them are read again when one changes."""

RATES = (
    "input_usd_per_mtok",
    "output_usd_per_mtok",
    "cache_read_usd_per_mtok",
    "cache_write_usd_per_mtok",
    "reasoning_usd_per_mtok",
    "usd_per_request",
)
_MINUTE_US = 60_000_000


def shown(caller: Caller, row: Row) -> Row:
    """Describe a price; its rates are exact decimals, as text."""
    until_us, deleted_us = row["valid_until_us"], row["deleted_us"]
    return {
        "id": row["id"],
        "tenant_id": caller.tenant.id,
        "provider": row["provider"],
        "model": row["model"],
        "valid_from": iso(row["valid_from_us"]),
        "valid_until": iso(until_us) if until_us is not None else None,
        "currency": "USD",
        **{name: row[name] for name in RATES},
        "note": row["note"],
        "created_at": iso(row["created_us"]),
        "created_by": row["created_by"],
        "updated_at": iso(row["updated_us"]),
        "deleted_at": iso(deleted_us) if deleted_us is not None else None,
    }


def create_price(ctx: Context, caller: Caller, fields: Mapping[str, Any]) -> Row:
    """Add a price; calls that were priced before it came stay as they are."""
    with ctx.db.writing(caller.tenant.no) as tx:
        revision = prices.next_revision(tx)
        if prices.count_prices(tx) >= MAX_PRICES:
            raise errors.TooManyPrices
        row: Row = {
            "id": ctx.new_id(tx.now_us),
            "provider": fields["provider"],
            "model": fields["model"],
            "valid_from_us": _micros(fields["valid_from"]),
            "valid_until_us": _micros(fields["valid_until"]),
            **{name: _text(fields[name]) for name in RATES},
            "note": fields["note"],
            "created_us": tx.now_us,
            "created_by": caller.principal_id,
            "updated_us": tx.now_us,
            "deleted_us": None,
            "revision": revision,
        }
        if row["valid_from_us"] is None:
            row["valid_from_us"] = tx.now_us - tx.now_us % _MINUTE_US
        _check_period(tx, row)
        prices.insert_price(tx, row)
        after = shown(caller, row)
        record_change(ctx, tx, caller, caller.tenant, "price.created", row["id"], None, after)
    return row


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros_of(moment)


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"


def _check_period(tx: Tx, row: Row) -> None:
    validity = validity_of(row)
    if not validity.meets(validity):
        raise errors.InvalidRequest(
            "valid_until must lie after valid_from",
            errors=[{"field": "valid_until", "code": "empty_period"}],
        )
    for other in prices.prices_beside(tx, row["id"], row["provider"], row["model"]):
        if validity.meets(validity_of(other)):
            raise errors.PriceOverlaps(
                f"The price {other['id']} holds for this provider and model in part of this time; "
                "end it first, or choose another time."
            )


def read_price(ctx: Context, caller: Caller, price_id: str) -> Row:
    """Read a price of the caller's tenant; a deleted one can still be looked up."""
    with ctx.db.reading(caller.tenant.no) as tx:
        return _present(tx, price_id)


def _present(tx: Tx, price_id: str) -> Row:
    row = prices.price(tx, price_id)
    if row is None:
        raise errors.NotFound
    return row


def list_prices(
    ctx: Context,
    caller: Caller,
    cursor: str | None,
    limit: int,
    filters: Row,
    at: datetime | None = None,
) -> tuple[list[Row], str | None]:
    """List the tenant's prices that are not deleted, oldest first; `at`: those that hold then."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = prices.list_prices(tx, cursor or "", limit + 1, filters, _micros(at))
    return rows[:limit], (rows[limit - 1]["id"] if len(rows) > limit else None)


def change_price(
    ctx: Context,
    caller: Caller,
    price_id: str,
    fields: Mapping[str, Any],
    if_match: int | None = None,
) -> Row:
    """Change when a price ends, or its note."""
    values = dict(fields)
    if "valid_until" in values:
        values["valid_until_us"] = _micros(values.pop("valid_until"))
    return _change(ctx, caller, price_id, "price.changed", values, if_match)


def delete_price(ctx: Context, caller: Caller, price_id: str, if_match: int | None) -> None:
    """Let a price hold no more; calls that it priced keep their reference to it."""
    _change(ctx, caller, price_id, "price.deleted", {}, if_match)


def _change(
    ctx: Context, caller: Caller, price_id: str, action: str, values: Row, if_match: int | None
) -> Row:
    with ctx.db.writing(caller.tenant.no) as tx:
        revision = prices.next_revision(tx)
        before = _present(tx, price_id)
        if if_match is not None and if_match != before["revision"]:
            raise errors.PreconditionFailed
        if before["deleted_us"] is not None:
            raise errors.InvalidTransition("A deleted price does not change; add another one.")
        changed: Row = {**values, "updated_us": tx.now_us, "revision": revision}
        if action == "price.deleted":
            changed["deleted_us"] = tx.now_us
        after = {**before, **changed}
        if "valid_until_us" in values:
            _check_period(tx, after)
        prices.update_price(tx, price_id, changed)
        later = None if "deleted_us" in changed else shown(caller, after)
        record_change(
            ctx, tx, caller, caller.tenant, action, price_id, shown(caller, before), later
        )
    return after
