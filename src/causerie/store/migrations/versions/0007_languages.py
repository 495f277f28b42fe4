"""What a member's pages are in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nobody has chosen yet."""
    op.add_column("members", sa.Column("language", sa.String))
