"""When members last looked at what changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the one table."""
    op.create_table(
        "last_looks",
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("member", sa.String, sa.ForeignKey("members.id"), primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("earlier_at", MOMENT),
    )
