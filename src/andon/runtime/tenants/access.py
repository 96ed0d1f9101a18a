"""From a presented key to its caller, remembered shortly so that requests cost no query."""

from __future__ import annotations

import logging

from andon import errors
from andon.drivers import directory, tenants
from andon.engines.tenants import keys, roles
from andon.runtime.context import Context
from andon.runtime.recall import Recall
from andon.runtime.tenants.caller import Caller, Tenant

log = logging.getLogger("andon.keys")

LOCAL_PRINCIPAL = "local"
_MOST_REMEMBERED = 10_000
_UNCHANGED_SECONDS = 60.0


class Doorkeeper:
    """Checks keys; a checked key is trusted until one of tenants, keys or prices has changed.

    Whether anything has is asked for every `key_cache_seconds`, at most 2, however many keys
    there are.
    """

    def __init__(self, ctx: Context, local: keys.MintedKey | None = None) -> None:
        self.ctx = ctx
        self.local = local
        seconds = ctx.settings.key_cache_seconds
        self._revision: Recall[None, int] = Recall(ctx.monotonic, ctx.spawn, seconds, 1)
        self._seen = 0
        self._remembered: Recall[bytes, Caller] = Recall(
            ctx.monotonic, ctx.spawn, _UNCHANGED_SECONDS, _MOST_REMEMBERED
        )
        self._used: dict[tuple[int, str], int] = {}

    async def admit(self, presented: str) -> Caller:
        """Tell who presents this key; NotAuthenticated or TenantSuspended when nobody may."""
        revision = await self._revision.get(None, lambda: self.ctx.run(self._look_at_revision))
        if revision != self._seen:
            self._seen = revision
            self._remembered.forget()
        caller = await self._remembered.get(
            keys.digest_of(presented), lambda: self.ctx.run(self._look_up, presented)
        )
        if caller.tenant.status != "active":
            raise errors.TenantSuspended
        if caller.key_id is not None:
            self._used[caller.tenant.no, caller.key_id] = self.ctx.db.now_us()
        return caller

    def forget(self) -> None:
        """Forget every checked key, so that a change here holds at once in this process."""
        self._revision.forget()
        self._remembered.forget()

    def _look_at_revision(self) -> int:
        with self.ctx.db.reading() as tx:
            return directory.revision(tx)

    def _look_up(self, presented: str) -> Caller:
        if self.local is not None and keys.matches(presented, self.local.digest):
            return self._local_caller()
        prefix = keys.prefix_of(presented)
        if prefix is None:
            raise self._refusal()
        with self.ctx.db.reading(key_prefix=prefix) as tx:
            row = tenants.key_by_prefix(tx, prefix)
        if row is None or not keys.matches(presented, row["digest"]) or row["revoked_us"]:
            raise self._refusal()
        with self.ctx.db.reading(row["tenant"]) as tx:
            tenant = tenants.tenant_by_number(tx, row["tenant"])
            principal = tenants.principal(tx, row["principal_id"])
        if tenant is None or principal is None:
            raise self._refusal()
        return Caller(
            Tenant.of_row(tenant),
            principal["id"],
            principal["kind"],
            row["id"],
            roles.Role(row["role"]),
        )

    def _local_caller(self) -> Caller:
        with self.ctx.db.reading(directory=True) as tx:
            row = tenants.tenant_by_id(tx, roles.DEFAULT_TENANT)
        if row is None:
            raise self._refusal()
        return Caller(Tenant.of_row(row), LOCAL_PRINCIPAL, "service", None, roles.Role.ADMIN)

    def _refusal(self) -> errors.NotAuthenticated:
        self.ctx.meters.auth_failures.inc()
        return errors.NotAuthenticated()

    async def keep_last_used(self) -> None:
        """Write when keys were last used, every few seconds, for as long as the service runs."""
        while True:
            await self.ctx.sleep(self.ctx.settings.last_used_flush_seconds)
            try:
                await self.flush()
            except Exception as fault:  # it must go on for as long as the service runs
                log.warning("last uses not written", extra={"error": type(fault).__name__})

    async def flush(self) -> None:
        """Write when keys were last used since the last time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self.ctx.run(_write_used, self.ctx, used)
        except BaseException:
            self._used = {**used, **self._used}
            raise


def _write_used(ctx: Context, used: dict[tuple[int, str], int]) -> None:
    by_tenant: dict[int, list[tuple[str, int]]] = {}
    for (tenant, key_id), at_us in sorted(used.items()):
        by_tenant.setdefault(tenant, []).append((key_id, at_us))
    for tenant, pairs in by_tenant.items():
        with ctx.db.writing(tenant) as tx:
            tenants.touch_keys(tx, pairs)
