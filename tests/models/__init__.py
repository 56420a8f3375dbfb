"""Tests `textattack_attend/models`."""
