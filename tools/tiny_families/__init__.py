"""Tiny random models of every family, for tests and for the table of families."""
