"""Copies of the embedded store: made beside a running server, and put in its place again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from andon import errors
from andon.drivers.database import copying, migrate, restoring
from andon.runtime import audit
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller
from andon.settings import Settings

_SECOND_US = 1_000_000
_KEPT_SECONDS = 86_400


def make_backup(ctx: Context, caller: Caller, may_go_on: Callable[[], bool]) -> dict[str, Any]:
    """Copy the store into ANDON_HOME/backups under a name of our own choice.

    Whoever asked moves the copy away; what stays is removed by the first backup a day later.
    """
    path = _embedded(ctx.settings)
    folder = ctx.settings.home / "backups"
    now_us = ctx.clock_us()
    target = folder / f"andon-{_dated(now_us)}-{ctx.random(4).hex()}.db"
    with copying.one_at_a_time(folder):
        copying.sweep(folder, now_us // _SECOND_US - _KEPT_SECONDS)
        timeout = ctx.settings.store_timeout_seconds
        copy = copying.make_copy(path, target, timeout, ctx.db.now_us, may_go_on)
        shown = {"name": target.name, "bytes": copy.size, "sha256": copy.sha256}
        shown |= _contents(copy.contents)
        try:
            with ctx.db.writing(caller.tenant.no) as tx:
                audit.record_change(
                    ctx, tx, caller, caller.tenant, "backup.made", target.name, None, shown
                )
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return {**shown, "path": str(target)}


def restore(
    settings: Settings, source: Path, *, replace: bool, clock_us: Callable[[], int]
) -> dict[str, Any]:
    """Put a backup in the store's place while no process holds it."""
    path = _embedded(settings)
    done = restoring.restore(
        path,
        source,
        replace=replace,
        kept_as=f"replaced-{_dated(clock_us(), '%f')}",
        timeout_seconds=settings.store_timeout_seconds,
    )
    kept = None if done.kept is None else str(done.kept)
    needs = done.contents.level < migrate.LEVEL
    shown = {"path": str(path), **_contents(done.contents), "kept": kept}
    return {**shown, "needs_migration": needs}


def _embedded(settings: Settings) -> Path:
    path = settings.sqlite_path
    if path is None:
        raise errors.UsePgDump
    return path


def _contents(found: copying.Contents) -> dict[str, Any]:
    return {
        "at": None if found.at_us is None else audit.iso(found.at_us),
        "records": found.records,
        "tenants": found.tenants,
        "schema_level": found.level,
    }


def _dated(now_us: int, finer: str = "") -> str:
    seconds, micros = divmod(now_us, _SECOND_US)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    return moment.strftime(f"%Y%m%dT%H%M%S{finer}Z")
