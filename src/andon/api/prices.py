"""Endpoints of a tenant's own prices."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from andon.api.deps import Ctx, IfMatch, Page, Who, paged, tag
from andon.api.exact import ExactRoute
from andon.api.guard import needs
from andon.engines.tenants.roles import Permission
from andon.runtime import prices
from andon.schemas.cus.moments import read_moment
from andon.schemas.prices import PriceCreate, PriceUpdate

router = APIRouter(prefix="/prices", tags=["prices"], route_class=ExactRoute)

READ = needs(Permission.READ_PRICES)
WRITE = needs(Permission.WRITE_PRICES)

At = Annotated[
    datetime | None,
    BeforeValidator(read_moment),
    Query(description="only prices that hold at this time, such as 2026-01-31T12:00:00Z"),
]


def _answer(response: Response, who: Who, row: dict[str, Any]) -> dict[str, Any]:
    tag(response, row["revision"])
    return prices.shown(who, row)


@router.get("", openapi_extra=READ)
def list_prices(
    ctx: Ctx,
    who: Who,
    page: Page,
    provider: Annotated[str | None, Query(max_length=50)] = None,
    model: Annotated[str | None, Query(max_length=100)] = None,
    at: At = None,
) -> dict[str, Any]:
    """List the tenant's own prices, oldest first, without those that were deleted."""
    asked = {"provider": provider, "model": model}
    filters = {name: value for name, value in asked.items() if value is not None}
    rows, after = prices.list_prices(ctx, who, page.cursor, page.limit, filters, at)
    return paged([prices.shown(who, row) for row in rows], after)


@router.post("", status_code=201, openapi_extra=WRITE)
def create_price(ctx: Ctx, who: Who, body: PriceCreate, response: Response) -> dict[str, Any]:
    """Add a price; it goes before the shared table, for calls that are reported from now on."""
    return _answer(response, who, prices.create_price(ctx, who, body.model_dump()))


@router.get("/{price_id}", openapi_extra=READ)
def read_price(ctx: Ctx, who: Who, price_id: str, response: Response) -> dict[str, Any]:
    """Read a price, a deleted one too: calls may refer to it as `tenant:<id>`."""
    return _answer(response, who, prices.read_price(ctx, who, price_id))


@router.patch("/{price_id}", openapi_extra=WRITE)
def change_price(
    ctx: Ctx, who: Who, price_id: str, body: PriceUpdate, if_match: IfMatch, response: Response
) -> dict[str, Any]:
    """Change when a price ends, or its note; to correct a price, end it and add another."""
    fields = body.model_dump(exclude_unset=True)
    return _answer(response, who, prices.change_price(ctx, who, price_id, fields, if_match))


@router.delete("/{price_id}", status_code=204, openapi_extra=WRITE)
def delete_price(ctx: Ctx, who: Who, price_id: str, if_match: IfMatch) -> None:
    """Delete a price; calls that it priced keep their cost and their reference to it."""
    prices.delete_price(ctx, who, price_id, if_match)
