"""A file that is no database is refused with words, not with the driver's error."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon import errors
from andon.drivers.database import sqlite


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "andon.db"
    path.write_bytes(b"this is not a database, " * 400)
    with pytest.raises(errors.StoreRefused, match="cannot be opened as a SQLite database"):
        sqlite.writer_engine(path, 1.0)
    assert path.read_bytes().startswith(b"this is not")
