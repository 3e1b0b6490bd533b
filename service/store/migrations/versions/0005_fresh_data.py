"""How fresh each source of a patient is, when it is read next, and what servers tell us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.String(length=27)


def upgrade() -> None:
    op.create_table(
        "source_syncs",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("read", sa.String(), nullable=True),
        sa.Column("watermark", _INSTANT, nullable=True),
        sa.Column("seen_at", _INSTANT, nullable=True),
        sa.Column("full_at", _INSTANT, nullable=True),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("due_at", _INSTANT, nullable=True),
        sa.Column("tried_at", _INSTANT, nullable=True),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("claimed_until", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_source_syncs_patient")),
        sa.ForeignKeyConstraint(["read"], ["reads.id"], name=op.f("fk_source_syncs_read")),
        sa.PrimaryKeyConstraint("patient", "source", name=op.f("pk_source_syncs")),
    )
    op.create_index(
        "ix_source_syncs_source_due_at", "source_syncs", ["source", "due_at"], unique=False
    )
    op.create_table(
        "notice_channels",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "channel", name=op.f("pk_notice_channels")),
    )
    op.create_table(
        "notice_questions",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("source", "reference", name=op.f("pk_notice_questions")),
    )


def downgrade() -> None:
    op.drop_table("notice_questions")
    op.drop_table("notice_channels")
    op.drop_index("ix_source_syncs_source_due_at", table_name="source_syncs")
    op.drop_table("source_syncs")
