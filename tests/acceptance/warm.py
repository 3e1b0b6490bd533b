"""All that a running service imports or reads from `mappings`, so that a fork of it need not."""

from __future__ import annotations

import gc
from importlib import import_module

from service import app
from service.fhir import release
from service.settings import Settings
from service.write.target import WRITTEN

for module in ("dbos", "dbos._sys_db_sqlite", "pytest", "service.run"):
    import_module(module)
for kind in sorted(WRITTEN):
    release.check({"resourceType": kind})
KNOWLEDGE = app.knowledge(Settings())
gc.freeze()
