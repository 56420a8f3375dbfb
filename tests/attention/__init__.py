"""Tests `textattack_attend/attention`."""
