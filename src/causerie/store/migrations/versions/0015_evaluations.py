"""Evaluations: test sets in versions, evaluators of one's own, runs and what came of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the tables."""
    _make_sets()
    op.create_table(
        "evaluators",
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("identifier", sa.String, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    _make_runs()


def _make_sets() -> None:
    op.create_table(
        "set_versions",
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("evaluators", sa.Text, nullable=False),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "set_cases",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("conversation", sa.String, nullable=False),
    )
    op.create_index("set_cases_by_conversation", "set_cases", ["project", "conversation"])


def _make_runs() -> None:
    op.create_table(
        "evaluation_runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("iterations", sa.Integer, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("completed", sa.Integer, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("tally", sa.Text),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True)),
    )
    once = ["project", "name", "version", "iterations", "model"]
    op.create_index("evaluation_runs_once", "evaluation_runs", once, unique=True)
    op.create_index("evaluation_runs_open", "evaluation_runs", ["status", "created_at"])
    op.create_table(
        "evaluation_results",
        sa.Column("run", sa.String, sa.ForeignKey("evaluation_runs.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("iteration", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
