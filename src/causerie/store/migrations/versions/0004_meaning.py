"""What is understood: topics, their history, what models were asked, how far it has got."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the topics, then what models say of them, then how a project wants it."""
    make_topics()
    make_history()
    make_answers()
    make_settings()


def make_topics() -> None:
    """Suggested and kept topics, and what assigns messages to the suggested ones."""
    op.create_table(
        "topics",
        _project(),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("merged_into", sa.String, nullable=False),
        sa.Column("dormant", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
    )
    op.create_table(
        "topic_maps",
        _project(),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
    )


def make_history() -> None:
    """What happened to topics."""
    op.create_table(
        "topic_events",
        sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("others", sa.Text, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("topic_events_by_project", "topic_events", ["project", "seq"])


def make_answers() -> None:
    """What models said, and how much they were asked."""
    op.create_table(
        "verdicts",
        _project(),
        sa.Column("question", sa.String, primary_key=True),
        sa.Column("text", sa.LargeBinary, primary_key=True),
        sa.Column("verdict", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_table(
        "asking_days",
        _project(),
        sa.Column("day", sa.String, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
    )


def make_settings() -> None:
    """How a project wants to be understood, and how far that has got."""
    op.create_table("meaning_settings", _project(), sa.Column("document", sa.Text, nullable=False))
    op.create_table(
        "meaning_progress",
        _project(),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("left", sa.BigInteger, nullable=False),
        sa.Column("rate", sa.Float, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
    )


def _project() -> sa.Column[str]:
    return sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True)
