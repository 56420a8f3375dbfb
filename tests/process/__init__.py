"""Tests `textattack_attend/process`."""
