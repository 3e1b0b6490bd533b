"""What a person keeps at the desk: saved views, alerts seen, the patient's own words; and which
rule a decision answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("rule", sa.String(), nullable=True))
    op.add_column("decisions", sa.Column("reason_code", sa.String(), nullable=True))
    op.create_index("ix_decisions_rule", "decisions", ["rule"], unique=False)
    op.add_column("sessions", sa.Column("proof", sa.LargeBinary(), nullable=True))
    op.create_table(
        "saved_views",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("wanted", sa.LargeBinary(), nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("kept_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("who", "name", name=op.f("pk_saved_views")),
    )
    op.create_table(
        "alerts_seen",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["patient_access.number"], name=op.f("fk_alerts_seen_number")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_alerts_seen")),
    )
    op.create_table(
        "patient_words",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("about", sa.Integer(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient"], ["patients.id"], name=op.f("fk_patient_words_patient")
        ),
        sa.PrimaryKeyConstraint("patient", "number", name=op.f("pk_patient_words")),
    )


def downgrade() -> None:
    op.drop_table("patient_words")
    op.drop_table("alerts_seen")
    op.drop_table("saved_views")
    op.drop_column("sessions", "proof")
    op.drop_index("ix_decisions_rule", "decisions")
    op.drop_column("decisions", "reason_code")
    op.drop_column("decisions", "rule")
