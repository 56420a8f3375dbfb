"""Tests `textattack_attend/analysis`."""
