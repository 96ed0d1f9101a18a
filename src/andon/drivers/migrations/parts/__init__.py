"""Tables that revisions make, one module a subject; Alembic reads the revisions only."""
