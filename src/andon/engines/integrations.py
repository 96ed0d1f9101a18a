"""Decisions about integrations: which step may follow, and what a change of address takes along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from andon.models.cus_models import CusIntegrationStatus

_STEPS: dict[tuple[CusIntegrationStatus, str], CusIntegrationStatus] = {
    (CusIntegrationStatus.CREATED, "enable"): CusIntegrationStatus.ENABLED,
    (CusIntegrationStatus.DISABLED, "enable"): CusIntegrationStatus.ENABLED,
    (CusIntegrationStatus.ENABLED, "enable"): CusIntegrationStatus.ENABLED,
    (CusIntegrationStatus.CREATED, "disable"): CusIntegrationStatus.DISABLED,
    (CusIntegrationStatus.ENABLED, "disable"): CusIntegrationStatus.DISABLED,
    (CusIntegrationStatus.ERROR, "disable"): CusIntegrationStatus.DISABLED,
    (CusIntegrationStatus.DISABLED, "disable"): CusIntegrationStatus.DISABLED,
    (CusIntegrationStatus.ENABLED, "credential_failed"): CusIntegrationStatus.ERROR,
    (CusIntegrationStatus.ERROR, "credential_passed"): CusIntegrationStatus.ENABLED,
}


def step(status: CusIntegrationStatus, action: str) -> CusIntegrationStatus | None:
    """Give the status that follows an action, or None where the lifecycle has no such step."""
    return _STEPS.get((status, action))


def drops_credential(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Decide whether a change of configuration sends the credential to another host."""
    return (before.get("base_url") or "") != (after.get("base_url") or "")
