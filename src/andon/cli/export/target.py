"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from andon.cli.failures import Failure


@contextmanager
def file_at(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Open a new file of mode 0600 that gets its name when the block ends without an error."""
    if path.is_dir():
        raise Failure(f"{path} is a folder; name a file in it", "is_folder")
    if path.exists() and not replace:
        problem = f"{path} exists; choose another name, or replace it with --replace"
        raise Failure(problem, "file_exists")
    if not path.parent.is_dir():
        raise Failure(f"{path.parent} is no folder; make it first", "no_folder")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
