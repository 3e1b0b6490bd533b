"""What must survive: reports, reviews, decisions, deliveries.

`open_store` gives a `Store`; each other module here answers for one aggregate with functions that
take the connection of a `Store.transaction()` or `Store.read()`.
"""

from service.store.database import Connection, Store, open_store

__all__ = ["Connection", "Store", "open_store"]
