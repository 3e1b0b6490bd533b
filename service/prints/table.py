"""The list as CSV that a spreadsheet opens without running anything in it.

A cell that a spreadsheet would take for a formula gets an apostrophe before it.
Source: OWASP, CSV Injection; RFC 4180.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from service.prints.comparison import decided
from service.prints.material import Material, dose, is_depot, stamp

COLUMNS: Final = (
    "medication", "state", "agreement", "daily_dose", "proposal", "decision", "source", "kind",
    "reference", "version", "text", "status", "line_dose", "timing", "route", "authored",
    "last_supplied", "requester",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "|", "＝", "＋", "－", "＠")
_CONTROL: Final = ("\t", "\r", "\n")


def table(material: Material) -> str:
    """One row for each line of each source; the stamp stands in the last rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for medication in material.medications:
        head = (
            medication["display"],
            medication["state"],
            medication["agreement"],
            dose(medication, depot=is_depot(medication)),
            medication["proposal"]["text"],
            decided(material.decisions.get(medication["id"])),
        )
        for line in medication["lines"]:
            tail = [line[key] for key in ("source", "kind", "reference", "version", "text")]
            tail += [line["status"], dose(line, depot=is_depot(medication))]
            tail += [line[key] for key in ("timing", "route", "authored", "last_supplied")]
            writer.writerow(safe(cell) for cell in (*head, *tail, line["requester"]))
    said = stamp(material)
    writer.writerow(())
    rows = [
        ("as of", said.as_of),
        ("printed", said.printed),
        ("signed", said.signed or "not signed"),
    ]
    rows += [("knowledge", said.knowledge)]
    rows += [("source", f"{name}: {state}") for name, state, _ in said.sources]
    rows += [("NOTICE", notice) for notice in said.notices]
    rows += [("INCOMPLETE", f"{name}: {reason}") for name, reason in said.incomplete]
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def safe(cell: object) -> str:
    """The cell as text that no spreadsheet takes for a formula or a new row."""
    text = "" if cell is None else str(cell).replace("\x00", "")
    runs = text.startswith(_CONTROL) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if runs else text
