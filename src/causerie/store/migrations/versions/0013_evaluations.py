"""Evaluations."""

from __future__ import annotations

from alembic import op

from causerie.store.evaluation_schema import (
    evaluation_results,
    evaluation_runs,
    evaluators,
    set_cases,
    set_versions,
)

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables of test sets, evaluators and runs."""
    for table in (set_versions, set_cases, evaluators, evaluation_runs, evaluation_results):
        table.create(op.get_bind())
