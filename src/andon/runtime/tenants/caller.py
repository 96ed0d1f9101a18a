"""Who is asking: the tenant, the principal and the role behind a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from andon import errors
from andon.engines.tenants import calendar, roles


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as use cases need it; `no` is its number inside the store."""

    no: int
    id: str
    slot: int
    name: str
    zones: calendar.Zones
    settings: str
    status: str
    created_us: int
    updated_us: int
    revision: int
    erase_us: int | None = None
    erased_us: int | None = None

    @property
    def is_default(self) -> bool:
        """Tell whether this is the first tenant, whose admins make the others."""
        return self.id == roles.DEFAULT_TENANT

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Tenant:
        """Read a tenant from its row."""
        zones = tuple((name, since_us) for name, since_us in json.loads(row["zones"]))
        return cls(
            row["tenant"],
            row["id"],
            row["slot"],
            row["name"],
            zones,
            row["settings"],
            row["status"],
            row["created_us"],
            row["updated_us"],
            row["revision"],
            row["erase_us"],
            row["erased_us"],
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request: in which tenant, by whom, with which key and role."""

    tenant: Tenant
    principal_id: str
    principal_kind: str
    key_id: str | None
    role: roles.Role
    request_id: str | None = None

    def may(self, permission: roles.Permission) -> bool:
        """Tell whether the caller's role allows this."""
        return roles.allows(self.role, permission, self.tenant.id)

    def require(self, permission: roles.Permission) -> None:
        """Refuse a caller whose role does not allow this."""
        if not self.may(permission):
            raise errors.NotAllowed(
                f"A key with the role {self.role} may not {permission.value}; "
                "ask an admin for a key with another role."
            )
