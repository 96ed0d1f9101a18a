"""What requests about a tenant's own prices carry: exact dollars and whole minutes."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from andon.schemas.admin import Request
from andon.schemas.cus.errors import refusal
from andon.schemas.cus.moments import read_moment
from andon.schemas.cus.money import ExactFloat
from andon.schemas.cus.texts import Text50, Text100

MAX_USD = 1_000_000
MAX_DECIMALS = 9
MAX_DIGITS = 12
_FORM = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_RULE = 'give US dollars as a decimal number, such as "2.5"'


def read_usd(value: object) -> Decimal:
    """Read an amount of US dollars exactly; a float counts as the shortest decimal that names it.

    At most 12 significant digits, 9 decimals and 1,000,000 dollars; trailing zeros do not count.
    """
    amount = _as_decimal(value)
    if not 0 <= amount <= MAX_USD:
        raise refusal("number_out_of_range", f"give an amount from 0 to {MAX_USD:,} US dollars")
    _, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)  # the form has neither NaN nor infinity
    written = "".join(map(str, digits))
    significant = written.rstrip("0")
    decimals = -exponent - (len(written) - len(significant))
    if significant and decimals > MAX_DECIMALS:
        raise refusal("too_many_decimals", f"give US dollars with at most {MAX_DECIMALS} decimals")
    if len(significant.lstrip("0")) > MAX_DIGITS:
        raise refusal("too_many_digits", f"give at most {MAX_DIGITS} significant digits")
    return abs(amount.normalize())


def _as_decimal(value: object) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, ExactFloat):
        text = value.text
    elif isinstance(value, float):
        text = repr(value)
    elif isinstance(value, str):
        text = value
    else:
        raise refusal("number_type", _RULE)
    if _FORM.fullmatch(text) is None:
        raise refusal("number_form", _RULE)
    return Decimal(text)


def read_minute(value: object) -> datetime | None:
    """Read a time that is a whole minute in UTC: prices change at no other time."""
    moment = read_moment(value)
    if moment is not None and (moment.second or moment.microsecond):
        raise refusal(
            "not_a_whole_minute",
            "prices begin and end at whole minutes in UTC; give a time such as "
            "2026-01-31T12:00:00Z",
        )
    return moment


Usd = Annotated[Decimal, BeforeValidator(read_usd)]
Minute = Annotated[datetime, BeforeValidator(read_minute)]
Note = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class PriceCreate(Request):
    """A price of a model for this tenant, in US dollars.

    A class of cached tokens without a price of its own costs what other input does, reasoning
    what other output does.
    """

    provider: Text50 | None = Field(
        None, description="as reporters name it; null: any provider that has no price of its own"
    )
    model: Text100 = Field(description="as reporters name it, to the letter")
    valid_from: Minute | None = Field(
        None, description="a whole minute in UTC, included; default: the present one"
    )
    valid_until: Minute | None = Field(
        None, description="a whole minute in UTC, excluded; null: until it is ended"
    )
    input_usd_per_mtok: Usd = Field(description="of a million input tokens that are not cached")
    output_usd_per_mtok: Usd = Field(description="of a million output tokens")
    cache_read_usd_per_mtok: Usd | None = Field(None, description="default: that of input")
    cache_write_usd_per_mtok: Usd | None = Field(None, description="default: that of input")
    reasoning_usd_per_mtok: Usd | None = Field(None, description="default: that of output")
    usd_per_request: Usd | None = Field(None, description="once a call; default: nothing")
    note: Note = ""


class PriceUpdate(Request):
    """When a price ends, and its note; what it was stays, since calls were priced by it."""

    valid_until: Minute | None = Field(
        None, description="a whole minute in UTC, excluded; null: until it is ended"
    )
    note: Note = ""
