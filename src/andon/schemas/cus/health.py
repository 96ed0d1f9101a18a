"""What a health check of an integration answers."""

from __future__ import annotations

from datetime import datetime

from andon.models.cus_models import CusHealthState
from andon.schemas.cus.base import CusAnswer


class CusHealthCheckResponse(CusAnswer):
    """Response from integration health check."""

    integration_id: str
    health_state: CusHealthState
    message: str | None = None
    latency_ms: int | None = None
    checked_at: datetime
