"""Small FHIR servers with faults on demand, for the demo and the tests."""
