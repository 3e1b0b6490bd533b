"""Every table, once, for SQLite and PostgreSQL; `migrations/` leads an older store here.

Rows of `link_words`, `reports`, `decisions`, `signatures`, `patient_access`, `patient_words` and
`audit` are appended and never changed. Ids are opaque; what may name a patient rests in packed
columns only, and what a patient is found by as hidden words.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from service.store.columns import Instant, PackedBytes, PackedJson, Person, Word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

keys = Table(
    "keys",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("asked_key", String, nullable=False, unique=True),
    Column("asked", PackedJson, nullable=False),
    Column("identity", PackedJson, nullable=False),
)

patient_records = Table(
    "patient_records",
    metadata,
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Column("source", String, primary_key=True),
    Column("reference", String, primary_key=True),
    Column("grade", String, nullable=False),
    Column("evidence", PackedJson, nullable=False),
    Column("linked_at", Instant, nullable=False),
    Index("ix_patient_records_source_reference", "source", "reference"),
)

link_words = Table(
    "link_words",
    metadata,
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Column("source", String, primary_key=True),
    Column("reference", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("same", Boolean, nullable=False),
    Column("by", Person, nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", PackedJson, nullable=False),
)

payloads = Table(
    "payloads",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("body", PackedBytes, nullable=False),
)

reads = Table(
    "reads",
    metadata,
    Column("id", String, primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("source", String, nullable=False),
    Column("kept_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    Column("certificate", PackedJson, nullable=False),
    Index("ix_reads_patient_source_kept_at", "patient", "source", "kept_at"),
)

read_resources = Table(
    "read_resources",
    metadata,
    Column("read", ForeignKey("reads.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("type", String, nullable=False),
    Column("id", String, nullable=False),
    Column("version", String),
    Column("fhir", String, nullable=False),
    Column("digest", ForeignKey("payloads.digest"), nullable=False),
    Index("ix_read_resources_read_type_id", "read", "type", "id"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", String, primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body", PackedBytes, nullable=False),
    UniqueConstraint("patient", "number"),
    Index("ix_reports_patient_as_of", "patient", "as_of"),
)

report_reads = Table(
    "report_reads",
    metadata,
    Column("report", ForeignKey("reports.id"), primary_key=True),
    Column("read", ForeignKey("reads.id"), primary_key=True),
)

worklist = Table(
    "worklist",
    metadata,
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Column("report", ForeignKey("reports.id"), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("next_visit", String(10), nullable=False),
    Column("waiting_since", Instant, nullable=False),
    Column("high", Integer, nullable=False),
    Column("moderate", Integer, nullable=False),
    Column("low", Integer, nullable=False),
    Column("not_evaluable", Integer, nullable=False),
    Column("incomplete_sources", Integer, nullable=False),
    Column("signed_at", Instant),
    Column("sort", String, nullable=False, unique=True),
    Column("face", PackedJson),
)

worklist_terms = Table(
    "worklist_terms",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("term", Word, primary_key=True),
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Index("ix_worklist_terms_patient", "patient"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", String, primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("report", ForeignKey("reports.id"), nullable=False),
    Column("report_digest", String(64), nullable=False),
    Column("opened_by", Person, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    Index("ix_reviews_patient_state", "patient", "state"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("review", ForeignKey("reviews.id"), primary_key=True),
    Column("item", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("disposition", String, nullable=False),
    Column("by", Person, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", PackedJson, nullable=False),
    Column("rule", Word),
    Column("reason_code", String),
    Index("ix_decisions_rule", "rule"),
)

signatures = Table(
    "signatures",
    metadata,
    Column("id", String, primary_key=True),
    Column("review", ForeignKey("reviews.id"), nullable=False),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("scope", String, nullable=False),
    Column("by", Person, nullable=False),
    Column("at", Instant, nullable=False),
    Column("report_digest", String(64), nullable=False),
    Column("decisions_digest", String(64), nullable=False),
    Column("items", PackedJson, nullable=False),
    UniqueConstraint("review", "number"),
    Index("ix_signatures_patient_at", "patient", "at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String, primary_key=True),
    Column("signature", ForeignKey("signatures.id"), nullable=False),
    Column("review", ForeignKey("reviews.id"), nullable=False),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("target", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("key", String, nullable=False),
    Column("item", String, nullable=False),
    Column("type", String, nullable=False),
    Column("resource", PackedBytes, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("if_match", String),
    Column("reference", String, nullable=False),
    Column("state", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("location", String, nullable=False),
    Column("version", String),
    Column("planned_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("signature", "target", "key"),
    Index("ix_deliveries_state_not_before", "state", "not_before"),
    Index("ix_deliveries_target_key", "target", "key"),
    Index("ix_deliveries_patient_target", "patient", "target"),
)

conflict_looks = Table(
    "conflict_looks",
    metadata,
    Column("delivery", ForeignKey("deliveries.id"), primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Column("version", String),
    Column("body", PackedBytes),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("ix_jobs_state_kind", "state", "kind"),
    Index("ix_jobs_subject", "subject"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("token", Integer, nullable=False),
    Column("until", Instant, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("who", String, nullable=False),
    Column("role", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("patient", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("correlation", String, nullable=False),
    Index("ix_audit_patient_at", "patient", "at"),
    Index("ix_audit_at", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", Person, nullable=False),
    Column("how", String, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("proof", PackedJson),
    Index("ix_sessions_ends_at", "ends_at"),
)

patient_access = Table(
    "patient_access",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("who", String, nullable=False),
    Column("how", String, nullable=False),
    Column("reason_code", String, nullable=False),
    Column("reason", PackedJson, nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant),
    Index("ix_patient_access_who_patient", "who", "patient"),
    Index("ix_patient_access_how_number", "how", "number"),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("who", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("wanted", PackedJson, nullable=False),
    Column("first", Boolean, nullable=False),
    Column("kept_at", Instant, nullable=False),
)

person_zones = Table(
    "person_zones",
    metadata,
    Column("who", String, primary_key=True),
    Column("zone", String, nullable=False),
)

alerts_seen = Table(
    "alerts_seen",
    metadata,
    Column("number", ForeignKey("patient_access.number"), primary_key=True),
    Column("by", Person, nullable=False),
    Column("at", Instant, nullable=False),
)

patient_words = Table(
    "patient_words",
    metadata,
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("about", Integer, nullable=False),
    Column("text", PackedJson, nullable=False),
    Column("by", Person, nullable=False),
    Column("at", Instant, nullable=False),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False, unique=True),
    Column("seal", String(64), nullable=False),
)

source_syncs = Table(
    "source_syncs",
    metadata,
    Column("patient", ForeignKey("patients.id"), primary_key=True),
    Column("source", String, primary_key=True),
    Column("read", ForeignKey("reads.id")),
    Column("watermark", Instant),
    Column("seen_at", Instant),
    Column("full_at", Instant),
    Column("told_on", Date),
    Column("due_at", Instant),
    Column("tried_at", Instant),
    Column("asks", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("claim", Integer, nullable=False),
    Column("claimed_until", Instant),
    Index("ix_source_syncs_source_due_at", "source", "due_at"),
)

notice_channels = Table(
    "notice_channels",
    metadata,
    Column("source", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("number", Integer),
    Column("status", String, nullable=False),
    Column("heard_at", Instant, nullable=False),
    Column("received", Integer, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("gaps", Integer, nullable=False),
)

notice_questions = Table(
    "notice_questions",
    metadata,
    Column("source", String, primary_key=True),
    Column("reference", String, primary_key=True),
    Column("at", Instant, nullable=False),
)
