"""7. Back to the record."""
