"""The one table of roles: what each may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a key may do, from least to most."""

    INGEST = "ingest"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a role may or may not do."""

    REPORT_USAGE = "report usage"
    BACKFILL_USAGE = "backfill usage"
    READ_USAGE = "read usage"
    CORRECT_USAGE = "void usage and price it again"
    READ_INTEGRATIONS = "read integrations"
    WRITE_INTEGRATIONS = "write integrations"
    READ_PRICES = "read prices"
    WRITE_PRICES = "write prices"
    READ_TENANT = "read the tenant"
    WRITE_TENANT = "write the tenant"
    MANAGE_KEYS = "manage keys and principals"
    MANAGE_TENANTS = "manage tenants"
    READ_AUDIT = "read the audit of changes"
    READ_METRICS = "read metrics"
    ERASE_END_USERS = "erase end users"
    BACK_UP = "back up the store"
    VERIFY_BOOKS = "verify the books"


_READS = frozenset(
    {
        Permission.READ_USAGE,
        Permission.READ_INTEGRATIONS,
        Permission.READ_PRICES,
        Permission.READ_TENANT,
        Permission.READ_METRICS,
    }
)
_OPERATES = _READS | {
    Permission.REPORT_USAGE,
    Permission.BACKFILL_USAGE,
    Permission.WRITE_INTEGRATIONS,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.INGEST: frozenset({Permission.REPORT_USAGE, Permission.READ_METRICS}),
    Role.VIEWER: _READS,
    Role.OPERATOR: frozenset(_OPERATES),
    Role.ADMIN: frozenset(Permission),
}
"""What concerns more than one tenant holds in the tenant `default` alone; see `allows`."""

DEFAULT_TENANT = "default"

_DEFAULT_ONLY = frozenset({Permission.READ_METRICS, Permission.MANAGE_TENANTS, Permission.BACK_UP})


def allows(role: Role, permission: Permission, tenant_id: str) -> bool:
    """Decide whether a key of this role in this tenant may do this."""
    if permission in _DEFAULT_ONLY and tenant_id != DEFAULT_TENANT:
        return False
    return permission in GRANTS[role]
