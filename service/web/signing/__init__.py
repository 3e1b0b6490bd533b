"""Before and after the signature: what will be written where, and where it stands."""
