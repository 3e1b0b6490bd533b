"""What the service is worth, measured: run by hand, a slice of it in the tests."""
