"""Integer nano-dollars, and the one way in which they are rounded."""

from __future__ import annotations

NANOUSD_PER_CENT = 10_000_000
NANOUSD_PER_USD = 1_000_000_000


def round_half_even(numerator: int, denominator: int) -> int:
    """Divide two integers exactly and round once, half to even; the denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    over = 2 * rest - denominator
    return quotient + 1 if over > 0 or (over == 0 and quotient & 1) else quotient


def nanousd_to_cents(nanousd: int) -> int:
    """Round nano-dollars to whole cents; only for show, never to sum further."""
    return round_half_even(nanousd, NANOUSD_PER_CENT)
