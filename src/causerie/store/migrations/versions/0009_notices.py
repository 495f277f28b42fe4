"""Where notices go, what was sent, and alerts with what they fired for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

MOMENT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make where notices go and what was sent, then alerts."""
    make_destinations()
    make_notices()
    make_alerts()


def make_destinations() -> None:
    """Where notices go, and by which server mails do."""
    op.create_table(
        "destinations",
        _project(primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_index("ix_destinations_due_at", "destinations", ["due_at"])
    op.create_table(
        "mail_servers",
        _project(primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("sender", sa.String, nullable=False),
    )


def make_notices() -> None:
    """What is to be sent, and was."""
    op.create_table(
        "notices",
        sa.Column("id", SEQUENCE, primary_key=True, autoincrement=True),
        _project(),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("held_by", sa.String),
        sa.Column("held_until", MOMENT),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_by_status", "notices", ["status", "due_at"])
    op.create_index("notices_by_project", "notices", ["project", "id"])


def make_alerts() -> None:
    """What is watched, and what it fired for."""
    op.create_table(
        "alerts",
        _project(primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("judged_to", MOMENT, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "firings",
        _project(primary_key=True),
        sa.Column("alert", sa.String, primary_key=True),
        sa.Column("start", MOMENT, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("fired_at", MOMENT, nullable=False),
        sa.Column("acknowledged_by", sa.String, nullable=False),
        sa.Column("acknowledged_at", MOMENT),
    )
    op.create_index("firings_by_time", "firings", ["project", "fired_at"])


def _project(*, primary_key: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("projects.id")
    return sa.Column("project", sa.String, key, primary_key=primary_key, nullable=False)
