"""Read keys of one tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Give keys their column."""
    op.add_column("keys", sa.Column("tenant", sa.String))
