"""The use cases: load, call pure code, save, enqueue, commit."""
