"""Put a copy in the place of the embedded store, at once and with the old one kept."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from andon import errors
from andon.drivers.database import copying, sqlite

_JOURNALS = ("-wal", "-journal")
_BESIDE = (*_JOURNALS, "-shm")
_HELD = (
    "A server or another command holds this ANDON_HOME; stop it (Ctrl-C, or your service "
    "manager), then run `andon restore` again"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in the store's place now, and under which name the old one lies, if there was one."""

    contents: copying.Contents
    kept: Path | None


def restore(
    path: Path, source: Path, *, replace: bool, kept_as: str, timeout_seconds: float
) -> Restored:
    """Make a checked copy of `source` the store at `path`.

    A crash at any moment leaves the old store or the new one; only where the old one is so damaged
    that its journal cannot be folded in does it leave neither in place, and the old one kept.
    """
    with sqlite.held(path, _HELD):
        if path.exists() and not replace:
            raise errors.StoreExists
        draft = path.with_name(f"{path.name}.restoring")
        try:
            _duplicate(source, draft)
            contents = copying.look_into(draft)
            copying.sync_file(draft)
            kept = _set_aside(path, path.with_name(f"{path.name}.{kept_as}"), timeout_seconds)
            draft.replace(path)
            copying.sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    return Restored(contents, kept)


def _duplicate(source: Path, draft: Path) -> None:
    for ending in _JOURNALS:
        beside = source.with_name(source.name + ending)
        if beside.exists() and beside.stat().st_size:
            raise errors.NotABackup(
                f"A journal lies beside the file ({beside.name}), so the file alone is not whole; "
                "restore a file that `andon backup` made"
            )
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as copy, source.open("rb") as file:
        shutil.copyfileobj(file, copy, 1 << 20)


def _set_aside(path: Path, kept: Path, timeout_seconds: float) -> Path | None:
    """Keep the old store under another name; no journal of it may stay for the new file."""
    found = path.exists()
    if found:
        _fold_journal(path, timeout_seconds)
    beside = [ending for ending in _BESIDE if path.with_name(path.name + ending).exists()]
    if found and not (not beside and _linked(path, kept)):
        path.rename(kept)
    for ending in beside:
        path.with_name(path.name + ending).rename(kept.with_name(kept.name + ending))
    copying.sync_folder(path.parent)
    return kept if found or beside else None


def _fold_journal(path: Path, timeout_seconds: float) -> None:
    # The last connection that closes writes the journal into the file and removes it.
    with suppress(errors.StoreRefused, DBAPIError):
        sqlite.writer_engine(path, timeout_seconds).dispose()


def _linked(path: Path, kept: Path) -> bool:
    """Give the old store its second name while it keeps its first, where the system can."""
    try:
        os.link(path, kept)
    except OSError:
        return False
    return True
