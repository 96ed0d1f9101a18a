"""Aggregated usage: of a tenant in a period, and of one integration within it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from andon.models.cus_models import CusProviderType
from andon.schemas.cus.base import CusAnswer


class CusIntegrationUsage(CusAnswer):
    """Usage for a single integration within a period."""

    money_twins: ClassVar[Mapping[str, str]] = {"total_cost_cents": "total_cost_nanousd"}

    integration_id: str
    integration_name: str
    provider_type: CusProviderType
    total_calls: int
    total_tokens: int
    total_cost_cents: int
    total_cost_nanousd: int = 0
    error_count: int


class CusUsageSummary(CusAnswer):
    """Aggregated usage statistics; the period's dates are both included."""

    money_twins: ClassVar[Mapping[str, str]] = {"total_cost_cents": "total_cost_nanousd"}

    tenant_id: str
    period_start: date
    period_end: date
    total_calls: int
    total_tokens_in: int
    total_tokens_out: int
    total_cost_cents: int
    total_cost_nanousd: int = 0
    avg_latency_ms: float | None = None
    error_count: int
    blocked_count: int
    unpriced_calls: int = 0
    by_integration: list[CusIntegrationUsage] | None = None
