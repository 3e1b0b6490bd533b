"""Sessions of people who are signed in, and why a person may open a patient."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("begun_at", sa.String(length=27), nullable=False),
        sa.Column("seen_at", sa.String(length=27), nullable=False),
        sa.Column("ends_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_ends_at", "sessions", ["ends_at"], unique=False)
    op.create_table(
        "patient_access",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient"], ["patients.id"], name=op.f("fk_patient_access_patient")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_patient_access")),
    )
    op.create_index(
        "ix_patient_access_who_patient", "patient_access", ["who", "patient"], unique=False
    )
    op.create_index(
        "ix_patient_access_how_number", "patient_access", ["how", "number"], unique=False
    )
