"""Checks of what Andon stands on: database, linked SQLite, clock, disk, fsync."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from andon import errors
from andon.drivers import files
from andon.drivers.database import inspecting, sqlite
from andon.settings import Settings

_ROOM_BYTES = 1 << 30
_CLOCK_TOLERANCE_US = 5_000_000
_EARLIEST_US = 1_767_225_600_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str


def diagnose(settings: Settings, clock_us: Callable[[], int]) -> list[Finding]:
    """Check everything; what cannot be checked is said as not ok."""
    database, offset_us = _database(settings, clock_us)
    return [database, _linked(settings), _clock(clock_us(), offset_us), *_disk(settings)]


def _database(settings: Settings, clock_us: Callable[[], int]) -> tuple[Finding, int | None]:
    try:
        seen = inspecting.inspect_store(settings, clock_us)
    except errors.AndonError as fault:
        return Finding("database", False, " ".join(fault.detail.split())), None
    return Finding("database", seen.ok, seen.detail), seen.clock_offset_us


def _linked(settings: Settings) -> Finding:
    if settings.sqlite_path is None:
        return Finding("linked SQLite", True, "not used: the store is PostgreSQL")
    return Finding("linked SQLite", True, sqlite.version_note())


def _clock(now_us: int, offset_us: int | None) -> Finding:
    shown = datetime.fromtimestamp(now_us / 1e6, UTC).isoformat(timespec="seconds")
    if now_us < _EARLIEST_US:
        return Finding("clock", False, f"{shown} is long past; set this machine's clock")
    if offset_us is None:
        return Finding("clock", True, shown)
    told = f"{shown}; the store's clock differs by {offset_us / 1e6:+.3f} s"
    return Finding("clock", abs(offset_us) <= _CLOCK_TOLERANCE_US, told)


def _disk(settings: Settings) -> list[Finding]:
    path = settings.sqlite_path
    folder = path.parent if path is not None else settings.home
    free = files.free_bytes(folder)
    room = Finding("disk", free >= _ROOM_BYTES, f"{free / (1 << 30):.1f} GiB free")
    if path is None:
        return [room, Finding("fsync", True, "PostgreSQL's own; see database")]
    try:
        seconds = files.sync_seconds(folder)
    except OSError as fault:
        return [room, Finding("fsync", False, f"a write and sync failed: {fault.strerror}")]
    told = f"a small write and fdatasync takes {seconds * 1000:.2f} ms"
    if seconds < 0.00002:
        told += ", faster than a disk can: this file system may not sync at all"
    return [room, Finding("fsync", True, told)]
