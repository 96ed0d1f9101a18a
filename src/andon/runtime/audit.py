"""Every management change leaves who, what, before and after, in its own transaction."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from andon.drivers import audit, feed
from andon.drivers.database import Tx
from andon.models.redaction import redact_value
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller, Tenant

MASKED = frozenset({"credential_ref", "key", "digest"})


def _masked(state: dict[str, Any] | None) -> str | None:
    if state is None:
        return None
    shown = {
        name: ("[masked]" if name in MASKED and value else redact_value(value))
        for name, value in state.items()
    }
    return json.dumps(shown, sort_keys=True, separators=(",", ":"))


def record_change(
    ctx: Context,
    tx: Tx,
    caller: Caller,
    tenant: Tenant,
    action: str,
    object_id: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    """Write one change of `tenant`'s objects to the audit and to the outbox.

    `action` is `<kind>.<past tense>`. Where an admin of the tenant `default` acts for another
    tenant, both have the row; the transaction must cover both.
    """
    kind = action.split(".", 1)[0]
    row = {
        "actor_tenant_id": caller.tenant.id,
        "principal_id": caller.principal_id,
        "key_id": caller.key_id,
        "request_id": caller.request_id,
        "action": action,
        "object_kind": kind,
        "object_id": object_id,
        "before": _masked(before),
        "after": _masked(after),
    }
    for number in dict.fromkeys((tenant.no, caller.tenant.no)):
        audit.append_change(tx, number, {"id": ctx.new_id(tx.now_us), **row})
    payload = json.dumps({"object_id": object_id, "principal_id": caller.principal_id})
    event = {"id": ctx.new_id(tx.now_us), "kind": action, "payload": payload}
    feed.append_event(tx, tenant.no, event)


def list_changes(
    ctx: Context, caller: Caller, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """List the changes of the caller's tenant, the newest first."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = audit.list_changes(tx, cursor, limit + 1)
    items = [_shown(row) for row in rows[:limit]]
    return items, (items[-1]["id"] if len(rows) > limit else None)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    keep = (
        "id",
        "action",
        "object_kind",
        "object_id",
        "actor_tenant_id",
        "principal_id",
        "key_id",
        "request_id",
    )
    shown = {name: row[name] for name in keep}
    shown["at"] = iso(row["at_us"])
    shown["before"] = json.loads(row["before"]) if row["before"] else None
    shown["after"] = json.loads(row["after"]) if row["after"] else None
    return shown


def iso(at_us: int) -> str:
    """Write microseconds since 1970 as ISO 8601 in UTC."""
    seconds, micros = divmod(at_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    return moment.isoformat().replace("+00:00", "Z")
