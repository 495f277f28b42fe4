"""What a project masks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the rules to the projects."""
    op.add_column("projects", sa.Column("masking", sa.Text))
