"""Whose days reports tell: the time zone of a project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add it; a project of an earlier version goes on in UTC."""
    op.add_column("projects", sa.Column("zone", sa.String, nullable=False, server_default="UTC"))
