"""Tests `textattack_attend/benchmark`."""
