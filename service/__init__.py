"""Concord: one reconciled medication list out of many, closed by a person.

Seven verbs, one direction: **read** fetches FHIR from every source and says how complete it is;
**normalize** turns resources into the nouns of `model`; **link** decides which records are one
person; **reconcile** makes many lists one and names what differs; **assess** asks the clinical
rules; **review** orders the work and records a person's decisions; **write** takes signed decisions
back to the record. Only the first and the last touch the world; `pipeline` alone knows the order
and `app` alone builds the parts.
"""

__version__ = "0.1.0"
