"""What a row of the worklist shows and is found by, beside its place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worklist", sa.Column("face", sa.LargeBinary(), nullable=True))
    op.create_table(
        "worklist_terms",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient"], ["patients.id"], name=op.f("fk_worklist_terms_patient")
        ),
        sa.PrimaryKeyConstraint("kind", "term", "patient", name=op.f("pk_worklist_terms")),
    )
    op.create_index("ix_worklist_terms_patient", "worklist_terms", ["patient"], unique=False)
