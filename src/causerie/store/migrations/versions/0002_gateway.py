"""The gateway: endpoints, contexts, responses, what keys may spend."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the endpoints, then what is kept for callers, then what they may spend."""
    make_endpoints()
    make_contexts()
    make_turns()
    make_responses()
    make_spending()


def make_endpoints() -> None:
    """The models that callers reach."""
    op.create_table(
        "endpoints",
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )


def make_contexts() -> None:
    """Conversations that are kept for their callers."""
    op.create_table(
        "contexts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("ttl_s", sa.Integer, nullable=False),
        sa.Column("strategy", sa.Text),
        sa.Column("initial_tokens", sa.Integer, nullable=False),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("cut", sa.Integer, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("kept_tokens", sa.Integer, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("busy_by", sa.String),
        sa.Column("busy_until", MOMENT),
    )
    latest = ["used_at", "id", "expires_at"]
    op.create_index("contexts_of_project", "contexts", ["project", *latest])
    op.create_index("contexts_of_user", "contexts", ["project", "user", *latest])
    op.create_index("contexts_by_expiry", "contexts", ["expires_at"])


def make_turns() -> None:
    """What was said in them, and their names."""
    op.create_table(
        "context_openings",
        sa.Column("context", sa.String, context_key(), primary_key=True),
        sa.Column("messages", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "context_turns",
        sa.Column("context", sa.String, context_key(), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("messages", sa.LargeBinary, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("request", sa.LargeBinary),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("delivered", sa.Boolean, nullable=False),
    )
    op.create_table(
        "context_tags",
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("tag", sa.String, primary_key=True),
        sa.Column("context", sa.String, context_key(), nullable=False, index=True),
    )


def context_key() -> sa.ForeignKey:
    """Gone together with the context."""
    return sa.ForeignKey("contexts.id", ondelete="CASCADE")


def make_responses() -> None:
    """Answers that callers go on from, and may ask for again."""
    op.create_table(
        "responses",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("context", sa.String, nullable=False, index=True),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False, index=True),
    )


def make_spending() -> None:
    """What keys may do, and what they did."""
    op.add_column("keys", sa.Column("allowance", sa.Text))
    op.create_table(
        "spending",
        sa.Column("key", sa.String, sa.ForeignKey("keys.id"), primary_key=True),
        sa.Column("span", sa.String, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
    )
