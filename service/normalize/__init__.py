"""2. FHIR to model; every function returns what it read and what it could not."""
