"""The way from each earlier store to the tables of today, one file per step."""
