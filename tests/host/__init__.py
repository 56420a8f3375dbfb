"""Tests `textattack_attend/host`."""
