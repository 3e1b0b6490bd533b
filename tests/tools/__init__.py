"""Tools that test the tests; run by hand or at full scale."""
