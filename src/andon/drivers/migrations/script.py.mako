"""${message}.

Kind: expand
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
KIND = "expand"


def upgrade() -> None:
    """Apply this revision."""
    ${upgrades if upgrades else "pass"}
