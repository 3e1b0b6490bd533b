"""The HTTP API for scripts, a module for each question."""
