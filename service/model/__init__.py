"""The nouns that every stage shares: frozen values, no behaviour beyond their own invariants."""
