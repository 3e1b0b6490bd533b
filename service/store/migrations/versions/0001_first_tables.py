"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("correlation", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_patient_at", "audit", ["patient", "at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("changed_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_state_kind", "jobs", ["state", "kind"], unique=False)
    op.create_index("ix_jobs_subject", "jobs", ["subject"], unique=False)
    op.create_table(
        "keys",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_keys")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("until", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "patients",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("asked_key", sa.String(), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("asked_key", name=op.f("uq_patients_asked_key")),
    )
    op.create_table(
        "payloads",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_payloads")),
    )
    op.create_table(
        "link_words",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_link_words_patient")),
        sa.PrimaryKeyConstraint(
            "patient", "source", "reference", "number", name=op.f("pk_link_words")
        ),
    )
    op.create_table(
        "patient_records",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("linked_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient"], ["patients.id"], name=op.f("fk_patient_records_patient")
        ),
        sa.PrimaryKeyConstraint("patient", "source", "reference", name=op.f("pk_patient_records")),
    )
    op.create_index(
        "ix_patient_records_source_reference",
        "patient_records",
        ["source", "reference"],
        unique=False,
    )
    op.create_table(
        "reads",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kept_at", sa.String(length=27), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_reads_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reads")),
    )
    op.create_index(
        "ix_reads_patient_source_kept_at", "reads", ["patient", "source", "kept_at"], unique=False
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_reports_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("patient", "number", name=op.f("uq_reports_patient_number")),
    )
    op.create_index("ix_reports_patient_as_of", "reports", ["patient", "as_of"], unique=False)
    op.create_table(
        "read_resources",
        sa.Column("read", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("fhir", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"], ["payloads.digest"], name=op.f("fk_read_resources_digest")
        ),
        sa.ForeignKeyConstraint(["read"], ["reads.id"], name=op.f("fk_read_resources_read")),
        sa.PrimaryKeyConstraint("read", "ordinal", name=op.f("pk_read_resources")),
    )
    op.create_index(
        "ix_read_resources_read_type_id", "read_resources", ["read", "type", "id"], unique=False
    )
    op.create_table(
        "report_reads",
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("read", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["read"], ["reads.id"], name=op.f("fk_report_reads_read")),
        sa.ForeignKeyConstraint(["report"], ["reports.id"], name=op.f("fk_report_reads_report")),
        sa.PrimaryKeyConstraint("report", "read", name=op.f("pk_report_reads")),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("report_digest", sa.String(length=64), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", sa.String(length=27), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_reviews_patient")),
        sa.ForeignKeyConstraint(["report"], ["reports.id"], name=op.f("fk_reviews_report")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_patient_state", "reviews", ["patient", "state"], unique=False)
    op.create_table(
        "worklist",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("next_visit", sa.String(length=10), nullable=False),
        sa.Column("waiting_since", sa.String(length=27), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("moderate", sa.Integer(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("not_evaluable", sa.Integer(), nullable=False),
        sa.Column("incomplete_sources", sa.Integer(), nullable=False),
        sa.Column("signed_at", sa.String(length=27), nullable=True),
        sa.Column("sort", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_worklist_patient")),
        sa.ForeignKeyConstraint(["report"], ["reports.id"], name=op.f("fk_worklist_report")),
        sa.PrimaryKeyConstraint("patient", name=op.f("pk_worklist")),
        sa.UniqueConstraint("sort", name=op.f("uq_worklist_sort")),
    )
    op.create_table(
        "decisions",
        sa.Column("review", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["review"], ["reviews.id"], name=op.f("fk_decisions_review")),
        sa.PrimaryKeyConstraint("review", "item", "number", name=op.f("pk_decisions")),
    )
    op.create_table(
        "signatures",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("review", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("report_digest", sa.String(length=64), nullable=False),
        sa.Column("decisions_digest", sa.String(length=64), nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_signatures_patient")),
        sa.ForeignKeyConstraint(["review"], ["reviews.id"], name=op.f("fk_signatures_review")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
        sa.UniqueConstraint("review", "number", name=op.f("uq_signatures_review_number")),
    )
    op.create_index("ix_signatures_patient_at", "signatures", ["patient", "at"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("review", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("resource", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("if_match", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.String(length=27), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("planned_at", sa.String(length=27), nullable=False),
        sa.Column("changed_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_deliveries_patient")),
        sa.ForeignKeyConstraint(["review"], ["reviews.id"], name=op.f("fk_deliveries_review")),
        sa.ForeignKeyConstraint(
            ["signature"], ["signatures.id"], name=op.f("fk_deliveries_signature")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "signature", "target", "key", name=op.f("uq_deliveries_signature_target_key")
        ),
    )
    op.create_index(
        "ix_deliveries_patient_target", "deliveries", ["patient", "target"], unique=False
    )
    op.create_index(
        "ix_deliveries_state_not_before", "deliveries", ["state", "not_before"], unique=False
    )
    op.create_index("ix_deliveries_target_key", "deliveries", ["target", "key"], unique=False)
