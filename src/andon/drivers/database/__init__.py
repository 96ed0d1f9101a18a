"""The store: SQLite or PostgreSQL behind one door, with the tenant's scope on every transaction."""

from andon.drivers.database.store import Database, Tx, open_database

__all__ = ["Database", "Tx", "open_database"]
