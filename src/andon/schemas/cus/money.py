"""Money in contracts: integer nano-dollars beside cents, converted exactly or rounded once."""

from __future__ import annotations

from decimal import Decimal

from andon.models.money import NANOUSD_PER_CENT, nanousd_to_cents
from andon.schemas.cus.errors import refusal

MAX_CALL_CENTS = 100_000_000
MAX_CALL_NANOUSD = MAX_CALL_CENTS * NANOUSD_PER_CENT
MAX_BUDGET_CENTS = 100_000_000_000
_CENT_DECIMALS = 7
_NANO_EXPONENT = Decimal(NANOUSD_PER_CENT)
_COST_RULE = "give cents as a JSON number of at most 7 decimals"


class ExactFloat(float):
    """A float that remembers how it was written, so that a decimal can be read from it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> ExactFloat:
        """Read the number and keep its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def exact_cents(nanousd: int) -> Decimal:
    """Write nano-dollars as cents without rounding."""
    return Decimal(nanousd).scaleb(-_CENT_DECIMALS)


def cents_to_nanousd(cents: Decimal) -> int:
    """Convert checked cents (see `read_cents`) to nano-dollars, exactly."""
    return int(cents * _NANO_EXPONENT)


def read_cents(value: object) -> Decimal | None:
    """Read the cost of a call in cents; a float counts as the shortest decimal that names it."""
    if value is None:
        return None
    cents = _as_decimal(value)
    if not cents.is_finite() or not 0 <= cents <= MAX_CALL_CENTS:
        raise refusal(
            "number_out_of_range", f"give a cost from 0 to {MAX_CALL_CENTS} cents ($1,000,000)"
        )
    if cents and cents.adjusted() < -_CENT_DECIMALS:
        raise _too_fine()
    nanousd = cents_to_nanousd(cents) if _fits(cents) else None
    if nanousd is None:
        raise _too_fine()
    return abs(exact_cents(nanousd).normalize()) + 0


def _fits(cents: Decimal) -> bool:
    _, digits, exponent = cents.as_tuple()
    if not isinstance(exponent, int):
        return False
    surplus = -exponent - _CENT_DECIMALS
    return surplus <= 0 or not any(digits[-surplus:])


def _too_fine() -> Exception:
    return refusal(
        "too_many_decimals",
        "give cents with at most 7 decimals; one nano-dollar is the smallest unit",
    )


def _as_decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, ExactFloat):
        return Decimal(value.text)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise refusal("number_type", f"{_COST_RULE}, without quotes")


def agree(name: str, cents: int, nanousd: int) -> None:
    """Refuse a sum in cents that is not its twin in nano-dollars, rounded."""
    if nanousd_to_cents(nanousd) != cents:
        raise refusal("cost_mismatch", f"{name} and its twin in nano-dollars must say the same")
