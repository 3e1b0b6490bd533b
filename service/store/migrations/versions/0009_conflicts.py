"""What stood there when a write met a resource that somebody had changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conflict_looks",
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("seen_at", sa.String(length=27), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name=op.f("fk_conflict_looks_delivery")
        ),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_conflict_looks")),
    )


def downgrade() -> None:
    op.drop_table("conflict_looks")
