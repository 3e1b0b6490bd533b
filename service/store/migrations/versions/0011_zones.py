"""The time zone that a person chose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_zones",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("pk_person_zones")),
    )


def downgrade() -> None:
    op.drop_table("person_zones")
