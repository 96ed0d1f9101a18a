"""How much of an integration's limits is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from pydantic import computed_field

from andon.schemas.cus.base import CusAnswer


def _percent(used: int, limit: int) -> float:
    return min(100.0, max(0.0, used * 100 / limit)) if limit > 0 else 0.0


class CusLimitsStatus(CusAnswer):
    """Current usage vs configured limits; a limit of 0 is none, and its percentage is 0.

    The period's dates are both included, in the tenant's time zone.
    """

    money_twins: ClassVar[Mapping[str, str]] = {
        "budget_limit_cents": "budget_limit_nanousd",
        "budget_used_cents": "budget_used_nanousd",
    }

    integration_id: str
    integration_name: str
    budget_limit_cents: int
    budget_limit_nanousd: int = 0
    budget_used_cents: int
    budget_used_nanousd: int = 0
    token_limit_month: int
    tokens_used_month: int
    rate_limit_rpm: int
    current_rpm: int
    period_start: date
    period_end: date

    @computed_field  # type: ignore[prop-decorator]
    @property
    def budget_percent(self) -> float:
        """Give the used part of the budget, 0 to 100, from nano-dollars."""
        return _percent(self.budget_used_nanousd, self.budget_limit_nanousd)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def token_percent(self) -> float:
        """Give the used part of the month's tokens, 0 to 100."""
        return _percent(self.tokens_used_month, self.token_limit_month)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rate_percent(self) -> float:
        """Give the used part of the requests per minute, 0 to 100."""
        return _percent(self.current_rpm, self.rate_limit_rpm)
