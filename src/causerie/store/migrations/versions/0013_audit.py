"""Who has looked at what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

PLAIN = (
    "by_kind",
    "by_id",
    "by_name",
    "action",
    "place",
    "object_kind",
    "object",
    "address",
    "how",
)


def upgrade() -> None:
    """Make the table of entries."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in PLAIN),
        sa.Column("detail", sa.Text, nullable=False),
    )
    for name, column in (("action", "action"), ("by", "by_id"), ("object", "object")):
        op.create_index(f"audit_{name}", "audit", ["project", column, "at", "seq"])
    op.create_index("audit_at", "audit", ["project", "at", "seq"])
