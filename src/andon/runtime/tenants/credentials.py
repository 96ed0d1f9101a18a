"""Use cases of principals and keys: make, list, revoke, and the first admin."""

from __future__ import annotations

from typing import Any

from andon import errors
from andon.drivers import tenants
from andon.drivers.database import Tx
from andon.engines.tenants import keys, roles
from andon.runtime.audit import iso, record_change
from andon.runtime.context import Context
from andon.runtime.tenants.access import LOCAL_PRINCIPAL
from andon.runtime.tenants.caller import Caller, Tenant
from andon.runtime.tenants.directory import read_tenant

Row = dict[str, Any]
Page = tuple[list[Row], str | None]
ENVIRONMENT = "environment"


def _target(ctx: Context, caller: Caller, tenant_id: str | None) -> Tenant:
    if tenant_id is None or tenant_id == caller.tenant.id:
        return caller.tenant
    try:
        return read_tenant(ctx, caller, tenant_id)
    except errors.NotFound:
        raise errors.UnknownTenant from None


def show_principal(row: Row) -> Row:
    """Describe a principal."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "name": row["name"],
        "created_at": iso(row["created_us"]),
    }


def show_key(row: Row) -> Row:
    """Describe a key by what may be seen of it."""
    stamps = {
        "created_at": row["created_us"],
        "revoked_at": row["revoked_us"],
        "last_used_at": row["last_used_us"],
    }
    return {
        "id": row["id"],
        "name": row["name"],
        "role": row["role"],
        "principal_id": row["principal_id"],
        "prefix": f"andon_{row['prefix']}" if row["origin"] == "minted" else None,
        **{name: iso(at_us) if at_us else None for name, at_us in stamps.items()},
    }


def _add_principal(ctx: Context, tx: Tx, kind: str, name: str) -> Row:
    row = {"id": ctx.new_id(tx.now_us), "kind": kind, "name": name, "created_us": tx.now_us}
    tenants.insert_principal(tx, row)
    return row


def create_principal(
    ctx: Context, caller: Caller, kind: str, name: str, tenant_id: str | None
) -> Row:
    """Make a person or a service that keys can belong to."""
    target = _target(ctx, caller, tenant_id)
    with ctx.db.writing(target.no, also=caller.tenant.no) as tx:
        row = _add_principal(ctx, tx, kind, name)
        after = show_principal(row)
        record_change(ctx, tx, caller, target, "principal.created", row["id"], None, after)
    return {**after, "tenant_id": target.id}


def list_principals(ctx: Context, caller: Caller, cursor: str | None, limit: int) -> Page:
    """List the principals of the caller's tenant."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = tenants.list_principals(tx, cursor or "", limit + 1)
    items = [show_principal(row) for row in rows[:limit]]
    return items, (items[-1]["id"] if len(rows) > limit else None)


def read_principal(ctx: Context, caller: Caller, principal_id: str) -> Row:
    """Read one principal of the caller's tenant."""
    with ctx.db.reading(caller.tenant.no) as tx:
        row = tenants.principal(tx, principal_id)
    if row is None:
        raise errors.NotFound
    return show_principal(row)


def create_key(
    ctx: Context,
    caller: Caller,
    name: str,
    role: roles.Role,
    tenant_id: str | None = None,
    principal_id: str | None = None,
) -> Row:
    """Make a key; the answer holds it, this once. Without a principal it gets a service."""
    target = _target(ctx, caller, tenant_id)
    minted = keys.mint_key(ctx.random(keys.RANDOM_BYTES))
    with ctx.db.writing(target.no, also=caller.tenant.no) as tx:
        if principal_id is None:
            principal_id = _add_principal(ctx, tx, "service", name)["id"]
        elif tenants.principal(tx, principal_id) is None:
            raise errors.UnknownPrincipal
        row = _add_key(ctx, tx, name, role, principal_id, minted, "minted")
        record_change(ctx, tx, caller, target, "key.created", row["id"], None, show_key(row))
    return {**show_key(row), "tenant_id": target.id, "key": minted.secret}


def _add_key(
    ctx: Context,
    tx: Tx,
    name: str,
    role: roles.Role,
    principal_id: str,
    minted: keys.MintedKey,
    origin: str,
) -> Row:
    row: Row = {
        "id": ctx.new_id(tx.now_us),
        "principal_id": principal_id,
        "name": name,
        "role": str(role),
        "prefix": minted.prefix,
        "digest": minted.digest,
        "origin": origin,
        "created_us": tx.now_us,
        "revoked_us": None,
        "last_used_us": None,
    }
    tenants.insert_key(tx, row)
    return row


def list_keys(ctx: Context, caller: Caller, cursor: str | None, limit: int) -> Page:
    """List the keys of the caller's tenant, revoked ones too, never the keys themselves."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = tenants.list_keys(tx, cursor or "", limit + 1)
    items = [show_key(row) for row in rows[:limit]]
    return items, (items[-1]["id"] if len(rows) > limit else None)


def read_key(ctx: Context, caller: Caller, key_id: str) -> Row:
    """Read what may be seen of one key of the caller's tenant."""
    with ctx.db.reading(caller.tenant.no) as tx:
        row = tenants.key(tx, key_id)
    if row is None:
        raise errors.NotFound
    return show_key(row)


def revoke_key(ctx: Context, caller: Caller, key_id: str) -> None:
    """Revoke a key; other processes follow within their key cache's time. Twice is once."""
    with ctx.db.writing(caller.tenant.no) as tx:
        before = tenants.key(tx, key_id)
        if before is None:
            raise errors.NotFound
        if tenants.revoke_key(tx, key_id):
            after = tenants.key(tx, key_id)
            assert after is not None
            shown = show_key(before), show_key(after)
            record_change(ctx, tx, caller, caller.tenant, "key.revoked", key_id, *shown)


def _system(tenant: Tenant) -> Caller:
    return Caller(tenant, LOCAL_PRINCIPAL, "service", None, roles.Role.ADMIN)


def ensure_first_admin(ctx: Context) -> str | None:
    """Make the first admin key of an empty store, or adopt ANDON_ADMIN_KEY.

    Returns the new key's secret, which is shown this once; None when there was nothing to make.
    """
    with ctx.db.reading(directory=True) as tx:
        row = tenants.tenant_by_id(tx, roles.DEFAULT_TENANT)
    if row is None:
        raise errors.NeedsMigration
    tenant = Tenant.of_row(row)
    preset = ctx.settings.admin_key
    with ctx.db.writing(tenant.no) as tx:
        tenants.lock_tenant(tx)
        if preset is not None:
            _adopt(ctx, tx, tenant, keys.adopt_key(preset.get_secret_value()))
            return None
        if tenants.has_keys(tx):
            return None
        minted = keys.mint_key(ctx.random(keys.RANDOM_BYTES))
        _first_key(ctx, tx, tenant, minted, "minted")
    return minted.secret


def _first_key(ctx: Context, tx: Tx, tenant: Tenant, minted: keys.MintedKey, origin: str) -> None:
    person = tenants.principal_by_name(tx, "person", "admin")
    principal_id = (person or _add_principal(ctx, tx, "person", "admin"))["id"]
    row = _add_key(ctx, tx, "admin", roles.Role.ADMIN, principal_id, minted, origin)
    after = show_key(row)
    record_change(ctx, tx, _system(tenant), tenant, "key.created", row["id"], None, after)


def _adopt(ctx: Context, tx: Tx, tenant: Tenant, preset: keys.MintedKey) -> None:
    for row in tenants.keys_of_origin(tx, ENVIRONMENT):
        if bytes(row["digest"]) != preset.digest:
            tenants.revoke_key(tx, row["id"])
    known = tenants.key_by_prefix(tx, preset.prefix)
    if known is None:
        _first_key(ctx, tx, tenant, preset, ENVIRONMENT)
    elif known["revoked_us"] is not None:
        raise errors.StoreRefused(
            "ANDON_ADMIN_KEY holds a key that was revoked; set it to a new one, or unset it"
        )
