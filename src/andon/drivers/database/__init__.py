"""The store: SQLite or PostgreSQL behind one door, with the tenant's scope on every transaction."""

from andon.drivers.database import changes as _changes
from andon.drivers.database import corrections as _corrections
from andon.drivers.database import erased as _erased
from andon.drivers.database import generations as _generations
from andon.drivers.database.store import Database, Tx, open_database

__all__ = ["Database", "Tx", "open_database"]

_EVERY_TABLE = (_changes, _corrections, _erased, _generations)
"""Modules of tables beside `tables`: imported with the package, so that its metadata is whole."""
