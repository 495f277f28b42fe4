"""Removals, and how long and how little a project shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table of removals, then what a project wishes."""
    op.create_table(
        "removals",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("target", sa.Text),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("before", MOMENT),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("rounds", sa.Integer, nullable=False),
        sa.Column("removed", sa.Text, nullable=False),
        sa.Column("checked", sa.Text, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("proof", sa.Text),
        sa.Column("trouble", sa.Text, nullable=False),
    )
    op.create_index("removals_of_project", "removals", ["project", "asked_at"])
    op.add_column("projects", sa.Column("retention_days", sa.Integer))
    for name, default in (("topic_users_min", "3"), ("audit_days", "365")):
        column = sa.Column(name, sa.Integer, nullable=False, server_default=default)
        op.add_column("projects", column)
