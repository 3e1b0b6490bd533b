"""1. From each source, with proof of how complete it is."""
