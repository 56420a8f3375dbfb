"""Tests `tools`."""
