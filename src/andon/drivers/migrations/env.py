"""What Alembic runs: the revisions, on the connection that the caller has opened and locked."""

from __future__ import annotations

from alembic import context

from andon.drivers.database.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("run `andon migrate`; the revisions need its lock and its connection")
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
