"""The report as JSON, FHIR and text (REPORT contract concord/report/1)."""
