"""Embeds: the secret that signs them, and the sites that may frame them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "embeds",
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("secret", sa.Text),
        sa.Column("hint", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True)),
        sa.Column("origins", sa.Text, nullable=False),
    )
