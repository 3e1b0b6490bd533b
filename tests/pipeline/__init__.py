"""Tests of the use cases on sandbox servers."""
