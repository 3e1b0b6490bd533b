"""One patient's page: the grid, the findings, and what is decided on it."""
