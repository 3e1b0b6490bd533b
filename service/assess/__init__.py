"""5. Clinical rules over the reconciled list."""
