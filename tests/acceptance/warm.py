"""Imports all that a running service imports sooner or later, so that a fork of it need not."""

from __future__ import annotations

from importlib import import_module

from service.fhir import release
from service.write.target import WRITTEN

for module in ("dbos", "dbos._sys_db_sqlite", "pytest", "service.run", "tests.acceptance.armed"):
    import_module(module)
for kind in sorted(WRITTEN):
    release.check({"resourceType": kind})
