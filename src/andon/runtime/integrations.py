"""Use cases of integrations: make, read, change, enable, disable, delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from andon import errors
from andon.drivers import integrations
from andon.drivers.database import Tx
from andon.engines.integrations import drops_credential, step
from andon.engines.telemetry import DAY_US
from andon.models.cus_models import CusHealthState, CusIntegrationStatus
from andon.runtime.audit import iso, record_change
from andon.runtime.context import Context
from andon.runtime.recall import Recall
from andon.runtime.tenants.caller import Caller

Row = dict[str, Any]
_MOST_REMEMBERED = 50_000

_PLAIN = (
    "id",
    "name",
    "provider_type",
    "status",
    "health_state",
    "health_message",
    "default_model",
    "budget_limit_cents",
    "token_limit_month",
    "rate_limit_rpm",
    "created_by",
)


def shown(caller: Caller, row: Row) -> Row:
    """Describe an integration; its credential and its configuration stay inside."""
    checked_us = row["health_checked_us"]
    return {
        **{name: row[name] for name in _PLAIN},
        "tenant_id": caller.tenant.id,
        "health_checked_at": iso(checked_us) if checked_us else None,
        "created_at": iso(row["created_us"]),
        "updated_at": iso(row["updated_us"]),
    }


def _audited(caller: Caller, row: Row) -> Row:
    return {
        **shown(caller, row),
        "credential_ref": row["credential_ref"],
        "config": json.loads(row["config"]),
    }


def create_integration(ctx: Context, caller: Caller, fields: Mapping[str, Any]) -> Row:
    """Make an integration in the state `created`; its reference is checked by form alone."""
    with ctx.db.writing(caller.tenant.no) as tx:
        row: Row = {
            **fields,
            "id": ctx.new_id(tx.now_us),
            "config": json.dumps(fields["config"], sort_keys=True),
            "status": str(CusIntegrationStatus.CREATED.value),
            "health_state": str(CusHealthState.UNKNOWN.value),
            "created_us": tx.now_us,
            "updated_us": tx.now_us,
            "created_by": caller.principal_id,
            "revision": 1,
        }
        if not integrations.insert_integration(tx, row):
            raise errors.NameTaken
        made = _present(tx, row["id"])
        after = _audited(caller, made)
        record_change(ctx, tx, caller, caller.tenant, "integration.created", row["id"], None, after)
    return made


def _present(tx: Tx, integration_id: str) -> Row:
    row = integrations.integration(tx, integration_id)
    if row is None:
        raise errors.NotFound
    return row


def read_integration(ctx: Context, caller: Caller, integration_id: str) -> Row:
    """Read one live integration of the caller's tenant."""
    with ctx.db.reading(caller.tenant.no) as tx:
        return _present(tx, integration_id)


def list_integrations(
    ctx: Context, caller: Caller, cursor: str | None, limit: int, filters: Row
) -> tuple[list[Row], str | None]:
    """List live integrations, oldest first."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = integrations.list_integrations(tx, cursor or "", limit + 1, filters)
    return rows[:limit], (rows[limit - 1]["id"] if len(rows) > limit else None)


def change_integration(
    ctx: Context,
    caller: Caller,
    integration_id: str,
    fields: Mapping[str, Any],
    if_match: int | None = None,
) -> Row:
    """Change the given fields. Another base_url drops the credential unless one comes with it."""

    def values(row: Row) -> Row:
        changed = dict(fields)
        provider = changed.get("provider_type", row["provider_type"])
        if changed.get("credential_ref", "kept") is None and provider != "custom":
            raise errors.InvalidRequest(
                "credential_ref may be null only for the provider type custom"
            )
        if "config" in changed:
            config = json.loads(row["config"])
            if drops_credential(config, changed["config"]):
                changed.setdefault("credential_ref", None)
            changed["config"] = json.dumps(changed["config"], sort_keys=True)
        if changed.get("provider_type", row["provider_type"]) != row["provider_type"]:
            changed.setdefault("credential_ref", None)
        return changed

    return _change(ctx, caller, integration_id, "integration.changed", values, if_match)


def take_step(ctx: Context, caller: Caller, integration_id: str, action: str) -> Row:
    """Enable or disable an integration; nobody is called."""

    def values(row: Row) -> Row:
        following = step(CusIntegrationStatus(row["status"]), action)
        if following is None:
            raise errors.InvalidTransition(
                f"An integration in the status {row['status']} cannot be {action}d; an integration "
                "in error is enabled again by a passed test of its credential."
            )
        return {"status": following.value}

    return _change(ctx, caller, integration_id, f"integration.{action}d", values, None)


def delete_integration(
    ctx: Context, caller: Caller, integration_id: str, if_match: int | None
) -> None:
    """Leave a tombstone: history stays in the sums, the reference goes, the name is free again."""

    def values(_row: Row) -> Row:
        return {"deleted_us": None, "credential_ref": None, "config": "{}"}

    _change(ctx, caller, integration_id, "integration.deleted", values, if_match)


def _change(
    ctx: Context,
    caller: Caller,
    integration_id: str,
    action: str,
    values: Any,
    if_match: int | None,
) -> Row:
    with ctx.db.writing(caller.tenant.no) as tx:
        before = _present(tx, integration_id)
        if if_match is not None and if_match != before["revision"]:
            raise errors.PreconditionFailed
        changed: Row = {**values(before), "updated_us": tx.now_us}
        if "deleted_us" in changed:
            changed["deleted_us"] = tx.now_us
        done = integrations.update_integration(tx, integration_id, before["revision"], changed)
        if done is None:
            raise errors.NameTaken
        if not done:
            raise errors.Conflict("The integration was changed at the same moment; try again.")
        after = {**before, **changed, "revision": before["revision"] + 1}
        later = None if "deleted_us" in changed else _audited(caller, after)
        earlier = _audited(caller, before)
        record_change(ctx, tx, caller, caller.tenant, action, integration_id, earlier, later)
    return after


def last_health(ctx: Context, caller: Caller, integration_id: str) -> Row:
    """Give what the last check of an integration found; before the first it is unknown."""
    row = read_integration(ctx, caller, integration_id)
    checked_us = row["health_checked_us"]
    return {
        "integration_id": row["id"],
        "health_state": row["health_state"],
        "message": row["health_message"],
        "latency_ms": row["health_latency_ms"],
        "checked_at": iso(checked_us if checked_us else row["created_us"]),
    }


class _Absent(Exception):
    """There is no such integration, which is not remembered: it may be made any moment."""


class Numbers:
    """Remembers the numbers of integrations for usage records, for a second or so each."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: Recall[tuple[int, str], int] = Recall(
            ctx.monotonic, ctx.spawn, ctx.settings.integration_cache_seconds, _MOST_REMEMBERED
        )

    async def number_of(self, tenant: int, integration_id: str) -> int | None:
        """Number an integration of the tenant; None when there is none under this id."""
        try:
            return await self._known.get(
                (tenant, integration_id),
                lambda: self._ctx.run(self._look_up, tenant, integration_id),
            )
        except _Absent:
            return None

    def _look_up(self, tenant: int, integration_id: str) -> int:
        horizon_us = self._ctx.settings.dedupe_horizon_days * DAY_US
        with self._ctx.db.reading(tenant) as tx:
            number = integrations.number_of(tx, integration_id, tx.now_us - horizon_us)
        if number is None:
            raise _Absent
        return number
