"""The wire: the only folder that imports httpx."""
