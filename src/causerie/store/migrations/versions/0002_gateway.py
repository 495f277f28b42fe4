"""The gateway: endpoints, contexts, responses, what keys may spend."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from causerie.store.state_schema import (
    context_tags,
    context_turns,
    contexts,
    endpoints,
    responses,
    spending,
)

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of the gateway."""
    op.add_column("keys", sa.Column("allowance", sa.Text))
    for table in (endpoints, contexts, context_turns, context_tags, responses, spending):
        table.create(op.get_bind())
